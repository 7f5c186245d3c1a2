SELECT /* doubts_by_account */
-- Of each account with messages in doubt: how many, and for how long, what it was asked for in the last hour, whether it
-- can be read, and how fast.
    i.name AS instance,
    c.name AS campaign,
    a.reads_a_second,
    a.unreadable_since IS NOT NULL AS is_unreadable,
    greatest(extract(epoch FROM now() - doubted.since), 0)::double precision AS oldest_seconds,
    doubted.messages,
    lately.attempts
FROM accounts a
CROSS JOIN LATERAL (
    SELECT count(*) AS messages, min(d.lane_id) AS lane_id, min(d.campaign_id) AS campaign_id, min(d.ended_at) AS since
    FROM doubts d
    WHERE d.account_id = a.id AND d.resolved_as IS NULL
) doubted
JOIN instances i ON i.id = doubted.lane_id
JOIN campaigns c ON c.id = doubted.campaign_id
CROSS JOIN LATERAL (
    SELECT count(*) AS attempts
    FROM attempts t
    WHERE t.account_id = a.id AND t.finished_at > now() - interval '1 hour'
) lately
WHERE doubted.messages > 0
ORDER BY i.name, a.id
