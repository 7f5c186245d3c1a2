-- What workers have claimed goes back, so that their intents find nothing and nothing more leaves.
WITH returned AS (
    UPDATE messages m
    SET state = 'pending', lease_token = NULL, changed_at = now()
    FROM campaigns c
    WHERE c.id = %(campaign_id)s AND m.segment = c.segment AND m.campaign_id = c.id
        AND m.lane_id IN (SELECT lane_id FROM campaign_lanes WHERE campaign_id = c.id)
        AND m.state = 'claimed'
    RETURNING 1
)
UPDATE campaigns
SET state = 'paused'
WHERE id = %(campaign_id)s
RETURNING state, (SELECT count(*) FROM returned) AS messages
