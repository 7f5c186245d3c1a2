SELECT /* queued_campaigns */
-- The campaigns (ids) that are queued as occurrences of schedules: drafts that nobody has to start.
    campaign_id
FROM occurrences
WHERE state = 'queued'
