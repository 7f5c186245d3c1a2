-- Moves messages out of doubt by what reading back showed. Guarded by state and attempt. To be shown absent counts only
-- where reading back has proved itself: within %(proof)s, since the doubt arose, and by a message that was no older
-- then than this one was when it was last looked for.
WITH read AS (
    SELECT *
    FROM jsonb_to_recordset(%(rows)s) AS r (
        segment bigint, campaign_id bigint, seq int, attempt smallint, sight text, gateway_id text
    )
), trusted AS (
    SELECT read.*, d.ended_at
    FROM read
    JOIN doubts d USING (segment, campaign_id, seq, attempt)
    JOIN lanes l ON l.id = d.lane_id
    WHERE d.resolved_as IS NULL
        AND (
            read.sight = 'found'
            OR (
                read.sight = 'absent'
                AND l.readback_proven_at >= greatest(d.ended_at, now() - %(proof)s)
                AND %(read_at)s - d.ended_at >= make_interval(secs => l.readback_delay_seconds)
            )
        )
), moved AS (
    UPDATE messages m
    SET
        state = CASE
            WHEN t.sight = 'found' THEN 'sent'
            WHEN m.spent >= c.max_attempts THEN 'failed'
            ELSE 'pending'
        END::message_state,
        changed_at = now(),
        next_attempt_at = now(),
        gateway_id = CASE t.sight WHEN 'found' THEN coalesce(t.gateway_id, m.gateway_id) END,
        reason = CASE
            WHEN t.sight = 'found' THEN 'read back'
            WHEN m.spent >= c.max_attempts THEN 'not in the chat, and the attempts are used up'
            ELSE 'read back: not in the chat'
        END
    FROM trusted t
    JOIN campaigns c ON c.id = t.campaign_id
    WHERE m.segment = t.segment AND m.campaign_id = t.campaign_id AND m.seq = t.seq
        AND m.state::text = 'in_doubt' AND m.attempt = t.attempt
    RETURNING m.segment, m.campaign_id, m.seq, m.attempt, m.state, t.sight
), resolved AS (
    UPDATE doubts d
    SET resolved_as = moved.sight::resolution, resolved_at = now()
    FROM moved
    WHERE d.segment = moved.segment AND d.campaign_id = moved.campaign_id AND d.seq = moved.seq
        AND d.attempt = moved.attempt
)
SELECT state, count(*) AS messages FROM moved GROUP BY state
