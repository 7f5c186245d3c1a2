SELECT /* late_campaigns */
-- Campaigns that nobody has started although they are due, and for how long.
name, extract(epoch FROM now() - starts_at)::double precision AS late_seconds
FROM campaigns
WHERE state = 'scheduled' AND starts_at < now()
ORDER BY starts_at
