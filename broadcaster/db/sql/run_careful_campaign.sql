UPDATE /* run_careful_campaign */
-- It has its messages, and whoever it leaves out is skipped.
campaigns
SET state = 'running', started_at = now()
WHERE id = %(campaign_id)s AND state = 'scheduled' AND started_at IS NULL
RETURNING id
