UPDATE /* resume_campaign */
-- A campaign that was paused before its time waits for it, one over an audience for its messages, and one that requires
-- consent or has care for being looked through. One that has not begun counts as due from now on, unless it has time yet:
-- that day is `today` in its conditions. Why it was paused is over.
-- One whose cooldown claims know nothing of yet waits for that.
campaigns
SET
    state = CASE
        WHEN starts_at <= now()
            AND (started_at IS NOT NULL OR (audience_id IS NULL AND NOT require_consent AND care IS NULL))
            AND frequency_is_kept((care ->> 'cooldown')::integer) THEN 'running'
        ELSE 'scheduled'
    END::campaign_state,
    state_reason = NULL,
    starts_at = CASE WHEN started_at IS NULL THEN greatest(starts_at, now()) ELSE starts_at END,
    started_at = CASE
        WHEN starts_at <= now()
            AND (started_at IS NOT NULL OR (audience_id IS NULL AND NOT require_consent AND care IS NULL))
            AND frequency_is_kept((care ->> 'cooldown')::integer)
        THEN coalesce(started_at, now())
    END
WHERE id = %(campaign_id)s AND state = 'paused'
RETURNING state, 0 AS messages
