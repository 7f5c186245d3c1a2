CREATE VIEW message_log AS
SELECT
    c.id AS campaign_id,
    c.name AS campaign,
    m.seq,
    m.phone,
    i.name AS instance,
    m.state,
    m.changed_at,
    m.attempt AS attempts,
    m.content_version,
    m.reason,
    m.gateway_id,
    a.outcome AS last_outcome,
    a.http_status AS last_http_status,
    a.duration_ms AS last_duration_ms,
    a.reply AS last_reply,
    m.variables
FROM messages m
JOIN campaigns c ON c.id = m.campaign_id AND c.segment = m.segment
JOIN instances i ON i.id = m.lane_id
LEFT JOIN attempts a
    ON a.segment = m.segment AND a.campaign_id = m.campaign_id AND a.seq = m.seq AND a.attempt = m.attempt
WHERE c.test_of IS NULL;
COMMENT ON VIEW message_log IS 'One row per message: who got it, who did not, and what the gateway last said.';
