-- Invariant I1: a campaign is finished only when every message of it is final.
WITH done AS (
    SELECT c.id
    FROM campaigns c
    WHERE c.state IN ('running', 'paused')
        AND (c.audience_id IS NULL OR c.started_at IS NOT NULL) -- it gets its messages when it starts
        AND NOT EXISTS (
            SELECT FROM campaign_lanes cl
            WHERE cl.campaign_id = c.id AND cl.pending + cl.sending + cl.in_doubt > 0
        )
    FOR NO KEY UPDATE OF c SKIP LOCKED
), finished AS (
    UPDATE campaigns c SET state = 'finished', finished_at = now() FROM done WHERE c.id = done.id RETURNING c.id
), closed AS (
    UPDATE campaign_lanes cl SET open = false FROM finished WHERE cl.campaign_id = finished.id
)
SELECT id FROM finished
