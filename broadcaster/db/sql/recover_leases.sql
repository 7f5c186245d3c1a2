-- Messages whose lease has ended: no byte left for a claimed one, so it is pending again; nobody knows about
-- a sending one, so it is in doubt. Its request, if it left, may be under way for %(request_timeout)s yet.
WITH orphans AS (
    SELECT m.segment, m.campaign_id, m.seq, m.state, m.changed_at
    FROM messages m
    WHERE m.state IN ('claimed', 'sending')
        AND NOT EXISTS (
            SELECT FROM lanes l
            WHERE l.id = m.lane_id AND l.lease_token = m.lease_token AND l.lease_expires_at > now()
        )
    FOR UPDATE OF m SKIP LOCKED
), recovered AS (
    UPDATE messages m
    SET
        state = CASE o.state WHEN 'claimed' THEN 'pending' ELSE 'in_doubt' END::message_state,
        changed_at = now(),
        spent = m.spent + CASE o.state WHEN 'sending' THEN 1 ELSE 0 END,
        lease_token = NULL,
        reason = CASE o.state WHEN 'sending' THEN 'the worker died while sending' ELSE m.reason END
    FROM orphans o
    WHERE m.segment = o.segment AND m.campaign_id = o.campaign_id AND m.seq = o.seq AND m.state = o.state
    RETURNING m.segment, m.campaign_id, m.seq, m.lane_id, m.phone, m.attempt, m.state, m.reason,
        o.changed_at AS intended_at
), logged AS (
    INSERT INTO attempts (segment, campaign_id, seq, lane_id, attempt, outcome, reason)
    SELECT segment, campaign_id, seq, lane_id, attempt, 'unknown', reason FROM recovered WHERE state = 'in_doubt'
), doubted AS (
    INSERT INTO doubts (segment, campaign_id, seq, attempt, lane_id, phone, started_at, ended_at)
    SELECT segment, campaign_id, seq, attempt, lane_id, phone, intended_at, now() + %(request_timeout)s
    FROM recovered
    WHERE state = 'in_doubt'
)
SELECT
    count(*) FILTER (WHERE state = 'pending') AS pending,
    count(*) FILTER (WHERE state = 'in_doubt') AS in_doubt
FROM recovered
