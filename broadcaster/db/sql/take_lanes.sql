-- Takes every lane of %(lanes)s that nobody holds and that may be sent through.
-- A lane left behind by a worker that died counts as just used to the full, since nobody knows how late its
-- last request left: invariant I5 holds through any crash.
UPDATE lanes l
SET
    lease_token = %(token)s,
    lease_holder = %(holder)s,
    lease_expires_at = now() + %(lease)s,
    clock = CASE
        WHEN l.lease_token IS NULL THEN l.clock
        ELSE greatest(l.clock, now() + make_interval(secs => i.interval_seconds * i.burst))
    END
FROM instances i
WHERE i.id = l.id
    AND l.id IN (
        SELECT free.id
        FROM lanes free
        WHERE free.id = ANY (%(lanes)s)
            AND (free.lease_token IS NULL OR free.lease_expires_at <= now())
            AND free.health NOT IN ('refused', 'paused')
            AND (free.not_before IS NULL OR free.not_before <= now())
        ORDER BY free.id
        FOR NO KEY UPDATE SKIP LOCKED
    )
RETURNING
    l.id,
    i.name,
    i.key_encrypted,
    i.base_url,
    i.wire,
    i.reply_rules,
    i.rate_per_second,
    i.burst,
    i.max_in_flight,
    l.health,
    l.failures,
    greatest(0, extract(epoch FROM l.clock - now()))::double precision AS ahead_seconds
