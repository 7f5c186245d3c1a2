SELECT /* read_test */
-- Where the one message of a test stands, and the instance that sends it.
    c.id,
    c.name,
    coalesce(m.phone, '(forgotten)') AS phone,
    i.name AS instance,
    l.health,
    l.health_reason,
    i.retired_at IS NOT NULL AS is_retired,
    m.state,
    m.attempt AS attempts,
    m.reason,
    m.gateway_id
FROM campaigns c
JOIN messages m ON m.segment = c.segment AND m.campaign_id = c.id
JOIN instances i ON i.id = m.lane_id
JOIN lanes l ON l.id = m.lane_id
WHERE c.id = %(campaign_id)s
