WITH /* judge_anew */
-- From now on a careful campaign that has started is judged by what comes to pass later: it starts, or somebody has looked at
-- it and lets it go on. What is counted then begins with its counters as they are, each row as of its lock.
-- A canary begins with its first slice, or goes on in the one that it has; how long until the next is counted anew.
-- Counters are locked in the order in which the trigger does.
careful AS (
    INSERT INTO campaign_judgements (campaign_id, open_slices, released_slices)
    SELECT id, 1, CASE WHEN care ? 'canary' THEN 0 ELSE 1 END
    FROM campaigns
    WHERE id = %(campaign_id)s AND care IS NOT NULL AND started_at IS NOT NULL
    ON CONFLICT (campaign_id) DO UPDATE SET since = now(), replies_due_at = '-infinity', next_slice_at = NULL
    RETURNING campaign_id
), counter AS MATERIALIZED (
    SELECT cl.campaign_id, cl.lane_id, cl.sent, cl.failed
    FROM campaign_lanes cl
    JOIN careful ON careful.campaign_id = cl.campaign_id
    ORDER BY cl.campaign_id, cl.lane_id
    FOR NO KEY UPDATE OF cl
)
UPDATE campaign_lanes cl
SET sent_before = counter.sent, failed_before = counter.failed
FROM counter
WHERE cl.campaign_id = counter.campaign_id AND cl.lane_id = counter.lane_id
