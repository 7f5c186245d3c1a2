WITH /* start_due_campaigns */
-- Those that have their messages. One over an audience gets them when it first starts (snapshot_audience).
-- One that somebody else changes is left to them, or to the next tick.
due AS MATERIALIZED (
    SELECT id
    FROM campaigns
    WHERE state = 'scheduled' AND starts_at <= now() AND (audience_id IS NULL OR started_at IS NOT NULL)
    ORDER BY id
    FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE campaigns c
SET state = 'running', started_at = coalesce(c.started_at, now())
FROM due
WHERE c.id = due.id AND c.state = 'scheduled'
RETURNING c.id
