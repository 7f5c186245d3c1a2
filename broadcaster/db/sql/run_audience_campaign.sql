UPDATE /* run_audience_campaign */
-- The campaign has its messages now. One without any balances at once, and finishes with the next tick.
campaigns c
SET
    state = 'running',
    started_at = now(),
    recipients_read = made.messages + made.rejected,
    recipients_rejected = made.rejected,
    source = %(source)s,
    state_reason = CASE
        WHEN made.messages = 0 AND made.rejected > 0 THEN %(all_rejected)s
        WHEN made.messages = 0 THEN %(nobody)s
    END
FROM (
    SELECT
        (SELECT coalesce(sum(total), 0) FROM campaign_lanes WHERE campaign_id = %(campaign_id)s) AS messages,
        (SELECT count(*) FROM rejected_recipients WHERE campaign_id = %(campaign_id)s) AS rejected
) made
WHERE c.id = %(campaign_id)s AND c.state = 'scheduled' AND c.started_at IS NULL
RETURNING c.id
