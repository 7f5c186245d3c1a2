SELECT /* due_consenting_campaigns */
-- Campaigns that are due, have their messages, and require consent of whom they go to.
id
FROM campaigns
WHERE state = 'scheduled' AND starts_at <= now() AND require_consent AND audience_id IS NULL AND started_at IS NULL
ORDER BY priority DESC, starts_at, id
