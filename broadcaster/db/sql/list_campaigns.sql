SELECT /* list_campaigns */
-- The latest campaigns, newest first, or the one called %(name)s; in these states, and with `part` in their names.
    campaign AS name,
    campaign_id AS id,
    state,
    state_reason,
    content,
    priority,
    total,
    pending,
    sending,
    sent,
    failed,
    in_doubt,
    unknown,
    skipped,
    cancelled,
    expired,
    instances,
    recipients_read,
    recipients_rejected,
    recipients_repeated,
    source,
    created_at,
    starts_at,
    started_at,
    finished_at,
    audience,
    purged_at,
    locale,
    expires_at,
    hours,
    require_consent,
    care,
    sharing,
    weights,
    limits,
    judged_since,
    open_slices,
    next_slice_at,
    is_queued
FROM campaign_report
WHERE (%(name)s::text IS NULL OR campaign = %(name)s)
    AND (%(states)s::campaign_state[] IS NULL OR state = ANY (%(states)s::campaign_state[]))
    AND (%(part)s::text IS NULL OR strpos(lower(campaign), lower(%(part)s)) > 0)
ORDER BY campaign_id DESC
LIMIT %(limit)s
