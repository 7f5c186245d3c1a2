UPDATE /* start_campaign */
-- One over an audience is started by the tick, which gives it its messages, and so is one that requires consent or has care,
-- which skips whoever it leaves out. It counts as due from now on, unless it has time yet: that day is `today` in its
-- conditions.
campaigns
SET
    state = CASE
        WHEN starts_at <= now() AND audience_id IS NULL AND NOT require_consent AND care IS NULL THEN 'running'
        ELSE 'scheduled'
    END::campaign_state,
    starts_at = greatest(starts_at, now()),
    started_at = CASE
        WHEN starts_at <= now() AND audience_id IS NULL AND NOT require_consent AND care IS NULL THEN now()
    END
WHERE id = %(campaign_id)s AND state = 'draft'
RETURNING state, 0 AS messages
