WITH /* cancel_campaign */
-- What is on its way already gets its outcome. What comes back from it unsent is swept later (sweep_cancelled).
campaign AS MATERIALIZED (
    SELECT id, segment
    FROM campaigns
    WHERE id = %(campaign_id)s AND state IN ('draft', 'scheduled', 'running', 'paused')
    FOR NO KEY UPDATE
), cancelled AS (
    UPDATE messages m
    SET state = 'cancelled', changed_at = now(), reason = 'the campaign was cancelled'
    FROM campaign
    WHERE m.segment = campaign.segment AND m.campaign_id = campaign.id AND m.state = 'pending'
    RETURNING 1
)
UPDATE campaigns c
SET state = 'cancelled', finished_at = now()
FROM campaign
WHERE c.id = campaign.id
RETURNING c.state, (SELECT count(*) FROM cancelled) AS messages
