UPDATE campaigns
SET
    state = CASE WHEN starts_at <= now() THEN 'running' ELSE 'scheduled' END::campaign_state,
    started_at = CASE WHEN starts_at <= now() THEN now() END
WHERE id = %(campaign_id)s
RETURNING state, 0 AS messages
