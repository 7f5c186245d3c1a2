SELECT /* accepted_lately */
-- The latest message that the gateway is known to have taken through the account in the last %(within)s, by a clock that
-- has not been put back since.
    m.phone,
    c.kind AS content_kind,
    a.segment,
    a.campaign_id,
    a.seq,
    a.attempt,
    a.finished_at - make_interval(secs => coalesce(a.duration_ms, 0) / 1000.0) AS accepted_at
FROM (
    SELECT *
    FROM attempts
    WHERE finished_at > greatest(now() - %(within)s, (SELECT max(steady_since) FROM ticks))
        AND finished_at <= now()
        AND account_id = %(account)s AND outcome = 'accepted'
    ORDER BY finished_at DESC
    LIMIT 1
) a
CROSS JOIN LATERAL ( -- by key, whatever is known of a table that has just been filled
    SELECT phone FROM messages WHERE segment = a.segment AND campaign_id = a.campaign_id AND seq = a.seq OFFSET 0
) m
JOIN content_versions v ON v.campaign_id = a.campaign_id AND v.version = a.content_version
JOIN contents c ON c.id = v.content_id
WHERE m.phone IS NOT NULL -- forgotten: nobody knows whose chat to read
