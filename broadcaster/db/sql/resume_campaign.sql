-- A campaign that was paused before its time waits for it.
UPDATE campaigns
SET
    state = CASE WHEN starts_at <= now() THEN 'running' ELSE 'scheduled' END::campaign_state,
    started_at = CASE WHEN starts_at <= now() THEN coalesce(started_at, now()) END
WHERE id = %(campaign_id)s
RETURNING state, 0 AS messages
