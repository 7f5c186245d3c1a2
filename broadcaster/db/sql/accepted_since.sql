-- Messages that the gateway is known to have taken through the account since the first of these doubts was intended, by a
-- clock that has not been put back since: the earliest and the latest %(most)s.
WITH since AS (
    SELECT greatest(min(d.started_at), now() - %(within)s, (SELECT max(steady_since) FROM ticks)) AS moment
    FROM jsonb_to_recordset(%(rows)s) AS r (segment bigint, campaign_id bigint, seq int, attempt smallint)
    JOIN doubts d USING (segment, campaign_id, seq, attempt)
), found AS (
    (
        SELECT a.*
        FROM since JOIN attempts a ON a.finished_at > since.moment
        WHERE a.finished_at <= now() AND a.account_id = %(account)s AND a.outcome = 'accepted'
        ORDER BY a.finished_at
        LIMIT %(most)s
    )
    UNION
    (
        SELECT a.*
        FROM since JOIN attempts a ON a.finished_at > since.moment
        WHERE a.finished_at <= now() AND a.account_id = %(account)s AND a.outcome = 'accepted'
        ORDER BY a.finished_at DESC
        LIMIT %(most)s
    )
)
SELECT
    m.phone,
    c.kind AS content_kind,
    found.segment,
    found.campaign_id,
    found.seq,
    found.attempt,
    found.finished_at - make_interval(secs => coalesce(found.duration_ms, 0) / 1000.0) AS accepted_at
FROM found
CROSS JOIN LATERAL ( -- by key, whatever is known of a table that has just been filled
    SELECT phone
    FROM messages
    WHERE segment = found.segment AND campaign_id = found.campaign_id AND seq = found.seq
    OFFSET 0
) m
JOIN campaigns ON campaigns.id = found.campaign_id
JOIN contents c ON c.id = campaigns.content_id
ORDER BY accepted_at
