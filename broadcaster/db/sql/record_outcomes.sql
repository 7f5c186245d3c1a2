-- Writes what attempts came to. Guarded by state, attempt number and lease token (invariant I7): a row that
-- was decided meanwhile stays as it is. Returns the messages that moved.
-- The state is compared as text, so that the key finds the rows and not an index on states.
WITH moved AS (
    UPDATE messages m
    SET
        state = r.state,
        changed_at = now(),
        spent = m.spent + r.spent,
        next_attempt_at = now() + make_interval(secs => r.delay),
        lease_token = NULL,
        gateway_id = coalesce(r.gateway_id, m.gateway_id),
        reason = r.reason
    FROM jsonb_to_recordset(%(rows)s) AS r (
        segment bigint, campaign_id bigint, seq int, attempt smallint, token uuid, state message_state,
        delay double precision, spent smallint, outcome outcome, reason text, http_status smallint, reply text,
        gateway_id text, duration_ms int
    )
    WHERE m.segment = r.segment AND m.campaign_id = r.campaign_id AND m.seq = r.seq
        AND m.state::text = 'sending' AND m.attempt = r.attempt AND m.lease_token = r.token
    RETURNING m.segment, m.campaign_id, m.seq, m.lane_id, m.phone, m.attempt, m.state, r.outcome, r.reason,
        r.http_status, r.reply, r.duration_ms
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
SELECT campaign_id, seq FROM moved
