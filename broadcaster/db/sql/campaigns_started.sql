SELECT /* campaigns_started */
-- The campaigns that started since %(since)s, or those that are listed, the latest first.
    campaign AS name,
    campaign_id AS id,
    state,
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
    recipients_read,
    recipients_rejected,
    started_at,
    finished_at,
    is_queued
FROM campaign_report
WHERE CASE
    WHEN %(ids)s::bigint[] IS NOT NULL THEN campaign_id = ANY (%(ids)s)
    ELSE started_at >= %(since)s::timestamptz
END
ORDER BY started_at DESC NULLS LAST, campaign_id DESC
