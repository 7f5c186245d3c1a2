SELECT /* read_trial */
-- Where the one message of an instance's trial stands, what its latest attempt came to, and its lane.
-- `age_seconds` is how long ago that attempt's outcome was recorded.
    m.state,
    m.reason,
    m.gateway_id,
    a.attempt,
    a.outcome,
    a.reason AS outcome_reason,
    a.http_status,
    a.reply,
    a.duration_ms,
    extract(epoch FROM clock_timestamp() - a.finished_at)::float8 AS age_seconds,
    l.health,
    l.health_reason
FROM campaigns c
JOIN messages m ON m.segment = c.segment AND m.campaign_id = c.id
JOIN lanes l ON l.id = m.lane_id
LEFT JOIN LATERAL (
    SELECT *
    FROM attempts
    WHERE segment = m.segment AND campaign_id = m.campaign_id AND seq = m.seq
    ORDER BY attempt DESC
    LIMIT 1
) a ON true
WHERE c.id = %(campaign_id)s
