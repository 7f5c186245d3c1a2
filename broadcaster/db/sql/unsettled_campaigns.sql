SELECT /* unsettled_campaigns */
-- Campaigns with messages that an operator may settle, or the one with a %(name)s: not those of who was forgotten, and none
-- of what was purged. Reads counts of those that have some, never the messages.
    c.name,
    sum(f.messages)::bigint AS unknown,
    c.finished_at IS NULL AS is_open
FROM failure_counts f
JOIN campaigns c ON c.id = f.campaign_id
WHERE f.state = 'unknown' AND f.messages > 0 AND f.reason <> 'forgotten' AND c.test_of IS NULL AND c.purged_at IS NULL
    AND (%(name)s::text IS NULL OR c.name = %(name)s)
GROUP BY c.id
ORDER BY c.id
