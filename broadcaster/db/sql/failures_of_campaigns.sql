SELECT /* failures_of_campaigns */
-- Why messages of these campaigns were not sent, the most frequent reason first.
    state,
    reason,
    sum(messages)::bigint AS messages,
    count(DISTINCT campaign_id) AS campaigns,
    max(latest) AS latest
FROM (
    SELECT campaign_id, state, reason, messages, latest
    FROM failure_counts
    UNION ALL
    SELECT cl.campaign_id, 'cancelled', 'the campaign was cancelled', cl.cancelled, c.finished_at
    FROM campaign_lanes cl
    JOIN campaigns c ON c.id = cl.campaign_id AND c.state = 'cancelled'
) unsent
WHERE campaign_id = ANY (%(ids)s::bigint[]) AND messages > 0
GROUP BY state, reason
ORDER BY 3 DESC, 2
LIMIT %(most)s
