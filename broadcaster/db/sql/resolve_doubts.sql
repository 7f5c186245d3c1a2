WITH /* resolve_doubts */
-- Moves messages out of doubt by what reading back showed. Guarded by state and attempt. To be shown absent counts only
-- where reading back has proved itself on the same account: within %(proof)s, since the doubt arose, and by a message of
-- the same kind that was accepted no earlier than this one was intended, and was no older when it was shown than this one
-- was when it was last looked for. A chat that is silent says nothing by itself: there that message was shown in a list
-- no shorter than this one. And no other of its kind was looked for in vain that was half as old as this one or older,
-- unless it was %(hidden)s old, and may never be shown: what is listed late for one chat may be listed later for another.
-- Each of that is told by the database's clock. So it counts only while nothing lies in the future, and not between a step
-- of the clock and the `recover` tick that mends what it left.
clock AS (
    SELECT NOT EXISTS (
        SELECT FROM ticks
        WHERE put_back_seconds > 0 OR done_at > now() + interval '1 s'
            OR (name = 'recover' AND done_at < now() - make_interval(secs => 3 * period_seconds))
    ) AS is_steady
), read AS (
    SELECT *
    FROM jsonb_to_recordset(%(rows)s) AS r (
        segment bigint, campaign_id bigint, seq int, attempt smallint, sight text, reading text, gateway_id text,
        number_class text, content_kind content_kind, entries int
    )
), trusted AS (
    SELECT read.*, d.ended_at
    FROM read
    JOIN doubts d USING (segment, campaign_id, seq, attempt)
    CROSS JOIN clock
    WHERE d.resolved_as IS NULL
        AND (
            read.sight = 'found'
            OR (
                read.sight IN ('absent', 'silent')
                AND clock.is_steady
                AND d.started_at <= d.ended_at
                AND %(read_at)s <= now()
                AND EXISTS (
                    SELECT
                    FROM looks l
                    WHERE l.account_id = d.account_id
                        AND l.is_shown
                        AND l.looked_at <= now()
                        AND l.looked_at >= greatest(d.ended_at, now() - %(proof)s)
                        AND l.accepted_at >= d.started_at
                        AND %(read_at)s - d.ended_at >= l.looked_at - l.accepted_at
                        AND l.number_class = read.number_class AND l.content_kind = read.content_kind
                        AND (read.sight = 'absent' OR l.entries >= read.entries)
                )
                AND NOT EXISTS (
                    SELECT
                    FROM looks l
                    WHERE l.account_id = d.account_id
                        AND l.number_class = read.number_class AND l.content_kind = read.content_kind
                        AND l.looked_at >= now() - %(proof)s
                        AND %(read_at)s - d.ended_at < make_interval(secs => 2 * l.late_seconds)
                        AND (l.is_shown OR l.late_seconds < extract(epoch FROM %(hidden)s))
                )
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
        next_attempt_at = CASE t.sight WHEN 'found' THEN now() ELSE '-infinity' END, -- before what nobody tried yet
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
    RETURNING m.segment, m.campaign_id, m.seq, m.attempt, m.phone, m.state, t.sight, t.reading
), resolved AS (
    UPDATE doubts d
    SET
        resolved_as = CASE moved.sight WHEN 'found' THEN 'found' ELSE 'absent' END::resolution,
        resolved_at = now(),
        reading = moved.reading
    FROM moved
    WHERE d.segment = moved.segment AND d.campaign_id = moved.campaign_id AND d.seq = moved.seq
        AND d.attempt = moved.attempt
), given_back AS MATERIALIZED ( -- who did not get it was not messaged
    SELECT give_back(ARRAY(
        SELECT (moved.phone, d.started_at)::person_claim
        FROM moved
        JOIN doubts d USING (segment, campaign_id, seq, attempt)
        WHERE moved.sight <> 'found'
    ))
)
SELECT state, count(*) AS messages FROM moved CROSS JOIN given_back GROUP BY state
