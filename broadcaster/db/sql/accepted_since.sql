WITH /* accepted_since */
-- Messages that the gateway is known to have taken through the account since the first of these doubts was intended, by a
-- clock that has not been put back since: the earliest and the latest %(most)s. `apart` is how many seconds lie between
-- the message and the doubt nearest to it, `is_missing` whether it was looked for and not shown, last time.
doubt AS (
    SELECT d.started_at
    FROM jsonb_to_recordset(%(rows)s) AS r (segment bigint, campaign_id bigint, seq int, attempt smallint)
    JOIN doubts d USING (segment, campaign_id, seq, attempt)
), since AS (
    SELECT greatest(min(started_at), now() - %(within)s, (SELECT max(steady_since) FROM ticks)) AS moment FROM doubt
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
    accepted.at AS accepted_at,
    (SELECT min(abs(extract(epoch FROM accepted.at - doubt.started_at))) FROM doubt)::double precision AS apart,
    EXISTS (
        SELECT
        FROM looks l
        WHERE l.account_id = %(account)s AND l.segment = found.segment AND l.campaign_id = found.campaign_id
            AND l.seq = found.seq AND NOT l.is_shown
    ) AS is_missing
FROM found
CROSS JOIN LATERAL (
    SELECT found.finished_at - make_interval(secs => coalesce(found.duration_ms, 0) / 1000.0) AS at
) accepted
CROSS JOIN LATERAL ( -- by key, whatever is known of a table that has just been filled
    SELECT phone
    FROM messages
    WHERE segment = found.segment AND campaign_id = found.campaign_id AND seq = found.seq
    OFFSET 0
) m
JOIN content_versions v ON v.campaign_id = found.campaign_id AND v.version = found.content_version
JOIN contents c ON c.id = v.content_id
WHERE m.phone IS NOT NULL -- forgotten: nobody knows whose chat to read
ORDER BY accepted.at
