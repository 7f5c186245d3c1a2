-- A campaign that was paused before its time waits for it, and one over an audience for its messages.
UPDATE campaigns c
SET
    state = CASE WHEN ready.now THEN 'running' ELSE 'scheduled' END::campaign_state,
    started_at = CASE WHEN ready.now THEN coalesce(started_at, now()) END
FROM (
    SELECT starts_at <= now() AND (audience_id IS NULL OR started_at IS NOT NULL) AS now
    FROM campaigns
    WHERE id = %(campaign_id)s
) ready
WHERE c.id = %(campaign_id)s
RETURNING c.state, 0 AS messages
