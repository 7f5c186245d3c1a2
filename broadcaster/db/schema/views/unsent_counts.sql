CREATE VIEW unsent_counts AS
SELECT campaign_id, lane_id, state, reason, messages, example_seq, latest
FROM failure_counts
WHERE messages > 0
UNION ALL
SELECT cl.campaign_id, cl.lane_id, 'cancelled', 'the campaign was cancelled', cl.cancelled, NULL, c.finished_at
FROM campaign_lanes cl
JOIN campaigns c ON c.id = cl.campaign_id
WHERE cl.cancelled > 0 AND c.state = 'cancelled';
COMMENT ON VIEW unsent_counts IS
    'Why messages were not sent: one row per campaign, lane, state and reason. What a cancelled campaign left is among them.';
