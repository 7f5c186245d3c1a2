SELECT /* lock_due_careful_campaign */
-- One of them, locked; nothing where it is not to start now, or somebody else starts it.
segment, require_consent, care
FROM campaigns
WHERE id = %(campaign_id)s AND (require_consent OR care IS NOT NULL) AND audience_id IS NULL
    AND state = 'scheduled' AND starts_at <= now() AND started_at IS NULL
    AND frequency_is_kept((care ->> 'cooldown')::integer) -- or the next tick starts it
FOR NO KEY UPDATE SKIP LOCKED
