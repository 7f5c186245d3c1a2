-- The example that is kept may have been forgotten since, or have become something else, and of what was cancelled none
-- is kept. Then another one is looked for among few: those before it in the campaign, and those that the index has first.
CREATE VIEW failure_report AS
SELECT
    c.id AS campaign_id,
    c.name AS campaign,
    i.name AS instance,
    f.state,
    f.reason,
    f.messages,
    example.phone AS example_phone,
    f.latest
FROM unsent_counts f
JOIN campaigns c ON c.id = f.campaign_id
JOIN instances i ON i.id = f.lane_id
LEFT JOIN LATERAL (
    SELECT m.phone
    FROM (
        (
            SELECT phone, lane_id, state, reason
            FROM messages
            WHERE segment = c.segment AND campaign_id = c.id AND seq <= coalesce(f.example_seq, 2147483647)
            ORDER BY seq DESC
            LIMIT 1000
        )
        UNION ALL
        (
            SELECT phone, lane_id, state, reason
            FROM messages
            WHERE segment = c.segment AND campaign_id = c.id AND state = f.state
                AND state IN ('failed', 'unknown', 'skipped', 'expired')
            LIMIT 1000
        )
    ) m
    WHERE m.phone IS NOT NULL AND m.lane_id = f.lane_id AND m.state = f.state
        AND f.reason IN (failure_reason(m.reason), '(other reasons)')
    LIMIT 1
) example ON true
WHERE c.test_of IS NULL;
COMMENT ON VIEW failure_report IS 'Why messages were not sent: one row per campaign, instance, state and reason.';
