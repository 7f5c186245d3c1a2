WITH /* finish_campaigns */
-- Invariant I1: a campaign is finished only when every message of it is final.
-- Locks first and decides then, by what is committed when the lock is held: what this statement sees of the counters
-- is as old as its beginning, and a retry may have come between.
candidates AS MATERIALIZED (
    SELECT c.id
    FROM campaigns c
    WHERE c.state IN ('running', 'paused')
        AND (c.audience_id IS NULL OR c.started_at IS NOT NULL) -- it gets its messages when it starts
        AND NOT EXISTS (
            SELECT FROM campaign_lanes cl
            WHERE cl.campaign_id = c.id AND cl.pending + cl.sending + cl.in_doubt > 0
        )
    ORDER BY c.id
    FOR NO KEY UPDATE OF c SKIP LOCKED
)
UPDATE campaigns c
SET state = 'finished', finished_at = now()
FROM candidates
WHERE c.id = candidates.id AND c.state IN ('running', 'paused') AND campaign_balances(candidates.id)
RETURNING c.id
