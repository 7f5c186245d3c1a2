SELECT /* stuck_doubts */
-- Messages that are in doubt although their deadline has passed, or that reading back knows nothing of.
    count(*) AS messages,
    count(*) FILTER (WHERE d.seq IS NULL) AS forgotten,
    greatest(extract(epoch FROM now() - min(m.changed_at)), 0)::double precision AS oldest_seconds
FROM messages m
LEFT JOIN doubts d
    ON d.segment = m.segment AND d.campaign_id = m.campaign_id AND d.seq = m.seq AND d.attempt = m.attempt
    AND d.resolved_as IS NULL
LEFT JOIN accounts a ON a.id = d.account_id
WHERE m.state = 'in_doubt'
    AND (
        d.seq IS NULL
        OR deadline_runs_from(d.ended_at, d.unreadable_seconds, d.is_unread) <= least(a.unreadable_since, now()) - %(deadline)s
    )
