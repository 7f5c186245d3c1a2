UPDATE /* start_campaign */
-- One over an audience is started by the tick, which gives it its messages.
campaigns
SET
    state = CASE WHEN starts_at <= now() AND audience_id IS NULL THEN 'running' ELSE 'scheduled' END::campaign_state,
    started_at = CASE WHEN starts_at <= now() AND audience_id IS NULL THEN now() END
WHERE id = %(campaign_id)s AND state = 'draft'
RETURNING state, 0 AS messages
