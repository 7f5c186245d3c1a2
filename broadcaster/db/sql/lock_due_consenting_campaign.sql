SELECT /* lock_due_consenting_campaign */
-- The id of one of them, locked; nothing where it is not to start now, or somebody else starts it.
id
FROM campaigns
WHERE id = %(campaign_id)s AND require_consent AND audience_id IS NULL
    AND state = 'scheduled' AND starts_at <= now() AND started_at IS NULL
FOR NO KEY UPDATE SKIP LOCKED
