SELECT /* sent_by_slot */
-- What the requests of a campaign came to, by five minutes.
    slot,
    coalesce(sum(attempts) FILTER (WHERE outcome = 'accepted'), 0)::bigint AS accepted,
    coalesce(sum(attempts) FILTER (WHERE outcome = 'rejected'), 0)::bigint AS rejected,
    coalesce(sum(attempts) FILTER (WHERE outcome = 'throttled'), 0)::bigint AS throttled,
    coalesce(sum(attempts) FILTER (WHERE outcome = 'not_sent'), 0)::bigint AS not_sent,
    coalesce(sum(attempts) FILTER (WHERE outcome = 'unknown'), 0)::bigint AS unknown
FROM attempt_report
WHERE campaign_id = %(campaign_id)s AND attempts > 0
GROUP BY slot
ORDER BY slot
