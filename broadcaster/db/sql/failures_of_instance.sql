SELECT /* failures_of_instance */
-- Why messages were not sent through an instance, the latest reason first, with the campaign of the latest.
    f.state,
    f.reason,
    sum(f.messages)::bigint AS messages,
    max(f.latest) AS latest,
    (array_agg(c.name ORDER BY f.latest DESC))[1] AS campaign
FROM unsent_counts f
JOIN campaigns c ON c.id = f.campaign_id
WHERE f.lane_id = %(instance_id)s AND c.test_of IS NULL
GROUP BY f.state, f.reason
ORDER BY latest DESC, f.reason
LIMIT %(most)s
