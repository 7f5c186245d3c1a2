CREATE VIEW failure_report AS
SELECT
    c.id AS campaign_id,
    c.name AS campaign,
    i.name AS instance,
    f.state,
    f.reason,
    f.messages,
    m.phone AS example_phone,
    f.latest
FROM failure_counts f
JOIN campaigns c ON c.id = f.campaign_id
JOIN instances i ON i.id = f.lane_id
LEFT JOIN messages m
    ON m.segment = c.segment AND m.campaign_id = c.id AND m.seq = f.example_seq
    AND m.lane_id = f.lane_id AND m.state = f.state AND f.reason IN (failure_reason(m.reason), '(other reasons)')
WHERE f.messages > 0 AND c.test_of IS NULL
UNION ALL
SELECT c.id, c.name, i.name, 'cancelled', 'the campaign was cancelled', cl.cancelled, NULL, c.finished_at
FROM campaign_lanes cl
JOIN campaigns c ON c.id = cl.campaign_id
JOIN instances i ON i.id = cl.lane_id
WHERE cl.cancelled > 0 AND c.state = 'cancelled' AND c.test_of IS NULL;
COMMENT ON VIEW failure_report IS 'Why messages were not sent: one row per campaign, instance, state and reason.';
