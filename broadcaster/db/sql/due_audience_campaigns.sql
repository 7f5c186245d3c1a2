SELECT /* due_audience_campaigns */ id
FROM campaigns
WHERE state = 'scheduled' AND starts_at <= now() AND audience_id IS NOT NULL AND started_at IS NULL
ORDER BY priority DESC, starts_at, id
