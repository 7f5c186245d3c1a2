-- Writes what attempts came to. Guarded by state, attempt number and claim token (invariant I7): a row that was decided
-- meanwhile stays as it is. Returns which of the rows moved a message, by their place.
-- The state is compared as text, so that the key finds the rows and not an index on states.
WITH moved AS (
    UPDATE messages m
    SET
        state = r.state,
        changed_at = now(),
        spent = m.spent + r.spent,
        next_attempt_at = now() + make_interval(secs => r.delay),
        claim_token = NULL,
        gateway_id = coalesce(r.gateway_id, m.gateway_id),
        reason = r.reason
    FROM ROWS FROM (jsonb_to_recordset(%(rows)s) AS (
        segment bigint, campaign_id bigint, seq int, attempt smallint, claim uuid, state message_state,
        delay double precision, spent smallint, outcome outcome, reason text, http_status smallint, reply text,
        gateway_id text, duration_ms int
    )) WITH ORDINALITY AS r (
        segment, campaign_id, seq, attempt, claim, state, delay, spent, outcome, reason, http_status, reply,
        gateway_id, duration_ms, place
    )
    WHERE m.segment = r.segment AND m.campaign_id = r.campaign_id AND m.seq = r.seq
        AND m.state::text = 'sending' AND m.attempt = r.attempt AND m.claim_token = r.claim
    RETURNING m.segment, m.campaign_id, m.seq, m.lane_id, m.phone, m.attempt, m.state, r.outcome, r.reason,
        r.http_status, r.reply, r.duration_ms, r.place
), logged AS (
    INSERT INTO attempts (
        segment, campaign_id, seq, lane_id, attempt, outcome, reason, http_status, reply, duration_ms
    )
    SELECT segment, campaign_id, seq, lane_id, attempt, outcome, reason, http_status, reply, duration_ms FROM moved
), doubted AS (
    INSERT INTO doubts (segment, campaign_id, seq, attempt, lane_id, phone, started_at, ended_at)
    SELECT
        moved.segment, moved.campaign_id, moved.seq, moved.attempt, moved.lane_id, moved.phone,
        ( -- the message as it was before this statement: since when it had been intended
            SELECT m.changed_at
            FROM messages m
            WHERE m.segment = moved.segment AND m.campaign_id = moved.campaign_id AND m.seq = moved.seq
        ),
        now()
    FROM moved
    WHERE moved.state = 'in_doubt'
)
SELECT place FROM moved
