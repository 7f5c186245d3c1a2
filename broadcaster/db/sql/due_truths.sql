SELECT /* due_truths */
-- Whether any account that was lately sent through, and %(since)s ago, may have one of its messages looked for.
EXISTS (
    SELECT
    FROM lanes_sent_through(%(until)s) used
    JOIN instances i ON i.id = used.lane_id
    JOIN accounts a ON a.id = i.account_id
    WHERE used.started_at <= now() - %(since)s AND a.next_truth_at <= now() AND a.next_read_at <= now()
)
