SELECT /* list_campaigns */
-- The latest campaigns, newest first.
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
    source,
    created_at,
    starts_at,
    started_at,
    finished_at,
    audience,
    purged_at,
    locale,
    expires_at,
    hours
FROM campaign_report
ORDER BY campaign_id DESC
LIMIT %(limit)s
