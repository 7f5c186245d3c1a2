SELECT /* lock_due_audience_campaign */
-- The name of a campaign over an audience that is to start now, locked; nothing where it is not, or somebody else starts
-- it.
name
FROM campaigns
WHERE id = %(campaign_id)s AND audience_id IS NOT NULL
    AND state = 'scheduled' AND starts_at <= now() AND started_at IS NULL
    AND frequency_is_kept((care ->> 'cooldown')::integer) -- or the next tick starts it
FOR NO KEY UPDATE SKIP LOCKED
