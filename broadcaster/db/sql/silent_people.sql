WITH /* silent_people */
-- Who of those given has not answered our %(most)s latest messages, or more, of any campaign: those that were sent after the
-- person last wrote, %(after)s ago or longer; nobody where %(most)s is null. Only messages count through instances whose
-- replies are read, from the first reading on: elsewhere nobody knows whether there was an answer. In whole sets: the
-- history is read once, however many they are.
theirs AS MATERIALIZED (
    SELECT each_one.phone FROM ({theirs}) each_one GROUP BY each_one.phone
), heard AS MATERIALIZED (
    SELECT r.phone, max(r.noted_at) AS last
    FROM inbound_messages r
    JOIN theirs ON theirs.phone = r.phone
    GROUP BY r.phone
)
SELECT m.phone
FROM campaigns c
JOIN messages m ON m.segment = c.segment AND m.campaign_id = c.id
JOIN instances i ON i.id = m.lane_id AND i.read_replies_seconds IS NOT NULL
JOIN inboxes b ON b.account_id = i.account_id
JOIN theirs ON theirs.phone = m.phone
LEFT JOIN heard ON heard.phone = m.phone
WHERE %(most)s::integer IS NOT NULL
    AND c.started_at IS NOT NULL AND c.test_of IS NULL AND c.purged_at IS NULL
    AND m.state = 'sent' AND m.changed_at BETWEEN b.since AND now() - %(after)s
    AND (heard.last IS NULL OR m.changed_at > heard.last)
GROUP BY m.phone
HAVING count(*) >= %(most)s
