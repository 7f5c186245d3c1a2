WITH /* start_due_campaigns */
-- Those that have their messages. One over an audience gets them when it first starts (snapshot_audience), and one that
-- requires consent or has care is looked through then (start_careful_campaign).
-- One that somebody else changes is left to them, or to the next tick.
due AS MATERIALIZED (
    SELECT id
    FROM campaigns
    WHERE state = 'scheduled' AND starts_at <= now()
        AND frequency_is_kept((care ->> 'cooldown')::integer)
        AND (started_at IS NOT NULL OR (audience_id IS NULL AND NOT require_consent AND care IS NULL))
    ORDER BY id
    FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE campaigns c
SET state = 'running', started_at = coalesce(c.started_at, now())
FROM due
WHERE c.id = due.id AND c.state = 'scheduled'
RETURNING c.id
