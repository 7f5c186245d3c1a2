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
FROM unsent_counts f
JOIN campaigns c ON c.id = f.campaign_id
JOIN instances i ON i.id = f.lane_id
LEFT JOIN messages m
    ON m.segment = c.segment AND m.campaign_id = c.id AND m.seq = f.example_seq
    AND m.lane_id = f.lane_id AND m.state = f.state AND f.reason IN (failure_reason(m.reason), '(other reasons)')
WHERE c.test_of IS NULL;
COMMENT ON VIEW failure_report IS 'Why messages were not sent: one row per campaign, instance, state and reason.';
