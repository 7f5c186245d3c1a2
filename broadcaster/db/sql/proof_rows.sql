SELECT /* proof_rows */
-- The messages of a campaign in their order, one row for each attempt, or one where there was none. What is the same for
-- all attempts of a message stands in each of its rows. Both are read along their keys: nothing is sorted or gathered.
    m.seq,
    m.phone,
    i.name AS instance,
    m.state,
    m.changed_at,
    m.reason,
    m.gateway_id,
    m.variables,
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
JOIN campaigns c ON c.id = m.campaign_id
JOIN instances i ON i.id = m.lane_id
LEFT JOIN attempts a ON a.segment = m.segment AND a.campaign_id = m.campaign_id AND a.seq = m.seq
LEFT JOIN doubts d
    ON d.segment = a.segment AND d.campaign_id = a.campaign_id AND d.seq = a.seq AND d.attempt = a.attempt
LEFT JOIN (
    SELECT
        seq,
        jsonb_agg(jsonb_build_object('before', from_state, 'after', to_state, 'at', settled_at) ORDER BY id) AS settlements
    FROM settlements
    WHERE segment = %(segment)s AND campaign_id = %(campaign_id)s
    GROUP BY seq
) s ON s.seq = m.seq
LEFT JOIN (
    SELECT f.path, k.digest FROM campaign_files f JOIN contents k ON k.id = f.content_id
    WHERE f.campaign_id = %(campaign_id)s
) own ON own.path = m.variables ->> c.file_column
WHERE m.segment = %(segment)s AND m.campaign_id = %(campaign_id)s
ORDER BY m.seq, a.attempt
