SELECT /* unsettled_campaigns */
-- Campaigns with messages that an operator may settle: not those of who was forgotten, and none of what was purged.
    c.name,
    sum(f.messages)::bigint AS unknown
FROM failure_counts f
JOIN campaigns c ON c.id = f.campaign_id
WHERE f.state = 'unknown' AND f.messages > 0 AND f.reason <> 'forgotten' AND c.test_of IS NULL AND c.purged_at IS NULL
GROUP BY c.id
ORDER BY c.id
