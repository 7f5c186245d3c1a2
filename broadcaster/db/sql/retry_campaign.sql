WITH /* retry_campaign */
-- Failed messages are provably not accepted (invariant I4), so that sending them again doubles nothing.
-- The campaign is locked before anything moves, so that nobody finishes it meanwhile, and nobody takes its rest: who is in
-- one gets it from there (take_rest).
campaign AS MATERIALIZED (
    SELECT id, segment
    FROM campaigns
    WHERE id = %(campaign_id)s AND state IN ('running', 'paused', 'finished') AND rest_taken_at IS NULL
    FOR NO KEY UPDATE
), retried AS (
    UPDATE messages m
    SET state = 'pending', changed_at = now(), spent = 0, next_attempt_at = now(), reason = NULL
    FROM campaign
    WHERE m.segment = campaign.segment AND m.campaign_id = campaign.id AND m.state = 'failed'
        AND m.phone IS NOT NULL -- who was forgotten stays so
        AND (
            %(reasons)s::text[] IS NULL
            OR counted_reason(m.campaign_id, m.lane_id, m.state, m.reason) = ANY (%(reasons)s::text[])
        )
    RETURNING 1
), again AS MATERIALIZED (
    SELECT count(*) AS messages FROM retried
)
UPDATE campaigns c
SET
    state = CASE WHEN c.state = 'finished' AND again.messages > 0 THEN 'running' ELSE c.state END,
    finished_at = CASE WHEN again.messages > 0 THEN NULL ELSE c.finished_at END
FROM campaign
CROSS JOIN again
WHERE c.id = campaign.id
RETURNING c.state, again.messages
