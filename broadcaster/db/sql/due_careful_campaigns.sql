SELECT /* due_careful_campaigns */
-- Campaigns that are due, have their messages, and look through them first: they require consent, or have care.
id
FROM campaigns
WHERE state = 'scheduled' AND starts_at <= now() AND (require_consent OR care IS NOT NULL)
    AND audience_id IS NULL AND started_at IS NULL
ORDER BY priority DESC, starts_at, id
