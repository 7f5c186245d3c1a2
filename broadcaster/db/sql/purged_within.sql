SELECT /* purged_within */
-- Campaigns that may have sent something within the last %(hours)s hours, and of which nobody knows any more to whom.
c.name
FROM campaigns c
JOIN purges p ON p.campaign_id = c.id
WHERE c.test_of IS NULL
    AND c.finished_at >= now() - make_interval(hours => %(hours)s)
    AND coalesce((p.messages ->> 'sent')::bigint, 0) + coalesce((p.messages ->> 'unknown')::bigint, 0) > 0
ORDER BY c.finished_at DESC
