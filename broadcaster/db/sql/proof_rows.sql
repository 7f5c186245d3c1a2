SELECT /* proof_rows */
-- The messages of a campaign in their order, one row for each attempt, or one where there was none. What is the same for
-- all attempts of a message stands in each of its rows. All is looked up by keys as messages are read along theirs: how
-- that is done must not depend on how many rows Postgres believes that there are (OFFSET 0).
    m.seq,
    m.phone,
    (
        SELECT i.name FROM instances i WHERE i.id = m.lane_id
    ) AS instance,
    m.state,
    m.changed_at,
    m.reason,
    m.gateway_id,
    m.variables::text,
    own.digest AS file_digest,
    a.attempt,
    a.outcome,
    a.finished_at,
    a.reason AS attempt_reason,
    a.content_version,
    a.http_status,
    a.reply,
    d.resolved_as,
    s.settlements
FROM messages m
LEFT JOIN LATERAL (
    SELECT t.*
    FROM attempts t
    WHERE t.segment = %(segment)s AND t.campaign_id = %(campaign_id)s AND t.seq = m.seq
    OFFSET 0
) a ON true
LEFT JOIN LATERAL (
    SELECT t.resolved_as
    FROM doubts t
    WHERE t.segment = %(segment)s AND t.campaign_id = %(campaign_id)s AND t.seq = m.seq AND t.attempt = a.attempt
    OFFSET 0
) d ON true
LEFT JOIN LATERAL (
    SELECT
        jsonb_agg(jsonb_build_object('before', t.from_state, 'after', t.to_state, 'at', t.settled_at) ORDER BY t.id)
            AS settlements
    FROM settlements t
    WHERE t.segment = %(segment)s AND t.campaign_id = %(campaign_id)s AND t.seq = m.seq
    OFFSET 0
) s ON true
LEFT JOIN LATERAL (
    SELECT k.digest
    FROM campaign_files f
    JOIN contents k ON k.id = f.content_id
    WHERE f.campaign_id = %(campaign_id)s AND f.path = m.variables ->> %(file_column)s::text
    OFFSET 0
) own ON true
WHERE m.segment = %(segment)s AND m.campaign_id = %(campaign_id)s
ORDER BY m.seq, a.attempt
