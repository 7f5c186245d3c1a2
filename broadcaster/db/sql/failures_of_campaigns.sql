SELECT /* failures_of_campaigns */
-- Why messages of these campaigns were not sent, the most frequent reason first.
    state,
    reason,
    sum(messages)::bigint AS messages,
    count(DISTINCT campaign_id) AS campaigns,
    max(latest) AS latest
FROM unsent_counts
WHERE campaign_id = ANY (%(ids)s::bigint[])
GROUP BY state, reason
ORDER BY 3 DESC, 2
LIMIT %(most)s
