SELECT /* due_truths */
-- Whether any account that was lately sent through, and %(since)s ago, may have one of its messages looked for.
EXISTS (
    SELECT
    FROM campaigns c
    JOIN campaign_lanes cl ON cl.campaign_id = c.id AND cl.sent > 0
    JOIN instances i ON i.id = cl.lane_id
    JOIN accounts a ON a.id = i.account_id
    WHERE (c.state IN ('running', 'paused') OR c.finished_at > now() - %(until)s) AND c.started_at <= now() - %(since)s
        AND a.next_truth_at <= now() AND a.next_read_at <= now()
)
