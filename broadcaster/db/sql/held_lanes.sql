SELECT /* held_lanes */
-- The lanes %(lanes)s that are held under the leases %(tokens)s, one each, as they would be taken now. One whose instance
-- has another account since is left out: that is for another lease.
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
FROM unnest(%(lanes)s::integer[], %(tokens)s::uuid[]) AS held (lane_id, token)
JOIN lanes l ON l.id = held.lane_id AND l.lease_token = held.token
JOIN instances i ON i.id = l.id AND i.account_id = l.account_id
JOIN accounts a ON a.id = l.account_id
