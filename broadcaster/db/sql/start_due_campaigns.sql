UPDATE campaigns
SET state = 'running', started_at = coalesce(started_at, now())
WHERE state = 'scheduled' AND starts_at <= now()
RETURNING id
