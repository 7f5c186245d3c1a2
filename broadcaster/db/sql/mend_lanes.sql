WITH /* mend_lanes */
-- Moments of lanes that lie further ahead than their rule allows were written by a clock that has been put back.
ahead AS (
    SELECT l.id, rule.latest_clock
    FROM lanes l
    JOIN instances i ON i.id = l.id
    CROSS JOIN LATERAL (
        SELECT now() + make_interval(secs => %(lead)s + i.interval_seconds * i.burst
            + coalesce((i.gaps #>> '{gap,most}')::double precision, 0)
            + coalesce((i.gaps #>> '{rest,span,most}')::double precision, 0)) AS latest_clock
    ) rule
    WHERE l.clock > rule.latest_clock + interval '1 s'
        OR lease_expires_at > now() + %(lease)s + interval '1 s'
        OR not_before > now() + make_interval(secs => rest_seconds) + interval '1 s'
        OR woken_at > now() + interval '1 s'
        OR health_since > now() + interval '1 s'
    ORDER BY l.id
    FOR NO KEY UPDATE OF l
)
UPDATE lanes l
SET
    clock = least(l.clock, ahead.latest_clock),
    lease_expires_at = CASE WHEN l.lease_expires_at IS NOT NULL THEN least(l.lease_expires_at, now() + %(lease)s) END,
    not_before = CASE
        WHEN l.not_before > now() + make_interval(secs => l.rest_seconds)
            THEN now() + make_interval(secs => l.rest_seconds)
        ELSE l.not_before
    END,
    woken_at = CASE WHEN l.woken_at IS NOT NULL THEN least(l.woken_at, now()) END,
    health_since = least(l.health_since, now())
FROM ahead
WHERE l.id = ahead.id
