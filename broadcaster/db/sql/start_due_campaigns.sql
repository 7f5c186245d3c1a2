-- Those that have their messages. One over an audience gets them when it first starts (snapshot_audience).
UPDATE campaigns
SET state = 'running', started_at = coalesce(started_at, now())
WHERE state = 'scheduled' AND starts_at <= now() AND (audience_id IS NULL OR started_at IS NOT NULL)
RETURNING id
