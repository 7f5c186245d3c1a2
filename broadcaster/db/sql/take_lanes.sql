UPDATE /* take_lanes */
-- Takes every lane of %(lanes)s that is free and may be sent through, with the account that its instance has now: what
-- is sent under this lease belongs to it, whatever account the instance gets meanwhile. One that was left behind is not free before
-- `recover_leases` has dealt with what it was sending.
lanes l
SET
    lease_token = %(token)s,
    lease_holder = %(holder)s,
    lease_expires_at = now() + %(lease)s,
    account_id = i.account_id
FROM instances i
JOIN accounts a ON a.id = i.account_id
WHERE i.id = l.id
    AND l.id IN (
        SELECT free.id
        FROM lanes free
        WHERE free.id = ANY (%(lanes)s)
            AND free.lease_token IS NULL
            AND free.health NOT IN ('refused', 'paused')
            AND (free.not_before IS NULL OR free.not_before <= now())
        ORDER BY free.id
        FOR NO KEY UPDATE SKIP LOCKED
    )
RETURNING
    l.id,
    i.name,
    l.account_id,
    a.key_encrypted,
    a.base_url,
    a.wire,
    i.reply_rules,
    i.interval_seconds,
    i.tolerance_seconds,
    i.burst,
    i.max_in_flight,
    l.health,
    l.failures,
    l.outcome_run,
    greatest(0, extract(epoch FROM l.clock - now()))::double precision AS debt
