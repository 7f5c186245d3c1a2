UPDATE /* pause_campaign */
-- Nothing more is claimed. What is on its way already gets its outcome.
campaigns
SET state = 'paused'
WHERE id = %(campaign_id)s AND state IN ('running', 'scheduled')
RETURNING state, 0 AS messages
