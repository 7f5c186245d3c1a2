SELECT /* read_claim */
-- What a claim took whose commit was not heard: nothing of it has left, and its messages are `sending` under its token
-- if it was committed. In the form of `turn_over`, but for its last row: one per lane still held, then one per message.
    l.id AS lane_id,
    l.health NOT IN ('refused', 'paused') AND (l.not_before IS NULL OR l.not_before <= now()) AS may_send,
    0 AS slots,
    m.segment,
    m.campaign_id,
    m.seq,
    m.phone,
    m.variables,
    m.attempt,
    m.spent,
    c.max_attempts,
    m.content_version,
    extract(epoch FROM least(c.expires_at, hours.closes_at) - now())::double precision AS closes_in,
    0 AS skipped,
    NULL::double precision AS wait,
    0 AS put_off
FROM lanes l
JOIN instances i ON i.id = l.id
CROSS JOIN LATERAL (
    SELECT (%(tokens)s::uuid[])[asked.n] AS token FROM array_position(%(lanes)s::int[], l.id) AS asked (n)
) mine
LEFT JOIN messages m ON m.lane_id = l.id AND m.state = 'sending' AND m.claim_token = %(claim)s
LEFT JOIN campaigns c ON c.id = m.campaign_id
LEFT JOIN LATERAL ( -- what is closed by now, or not open yet, lets nothing leave
    SELECT min(CASE WHEN o.opens_at <= now() THEN o.closes_at ELSE now() END) AS closes_at
    FROM openings o
    WHERE o.hours_id = i.hours_id AND o.recipient_group = 0
        OR o.hours_id = c.hours_id AND o.recipient_group = m.recipient_group
) hours ON m.seq IS NOT NULL
WHERE l.id = ANY (%(lanes)s::int[]) AND l.lease_token = mine.token AND l.lease_expires_at > now()
