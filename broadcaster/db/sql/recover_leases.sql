WITH /* recover_leases */
-- Frees lanes whose lease has ended. Nobody knows about a message that was being sent through one, so it is in doubt:
-- its request, if it left, may be under way for %(request_timeout)s yet. Where the holder is one of %(ended)s, whose
-- processes have ended, nothing leaves any more: then for three times as long as its account has lately taken. Nobody knows either how late the last request
-- left, so the lane counts as just used to the full: invariant I5 holds through any crash.
-- A lane of which a message is locked waits for the next time. A message that is sending through a free lane, which
-- only a statement that outlived its holder leaves behind, is in doubt as well.
ended AS (
    SELECT l.id, make_interval(secs => i.interval_seconds * i.burst) AS burst
    FROM lanes l
    JOIN instances i ON i.id = l.id
    WHERE l.lease_token IS NOT NULL AND l.lease_expires_at <= now()
    ORDER BY l.id
    FOR NO KEY UPDATE OF l SKIP LOCKED
), left_behind AS MATERIALIZED (
    SELECT ended.id AS lane_id, m.*
    FROM ended CROSS JOIN LATERAL sending_through(ended.id) m
    UNION ALL
    SELECT m.lane_id, m.segment, m.campaign_id, m.seq
    FROM messages m
    JOIN lanes l ON l.id = m.lane_id AND l.lease_token IS NULL
    WHERE m.state = 'sending'
), orphans AS (
    SELECT m.segment, m.campaign_id, m.seq, m.attempt, m.changed_at
    FROM left_behind
    JOIN messages m USING (segment, campaign_id, seq)
    WHERE m.state = 'sending'
    FOR UPDATE OF m SKIP LOCKED
), recovered AS (
    UPDATE messages m
    SET
        state = 'in_doubt',
        changed_at = now(),
        spent = m.spent + 1,
        claim_token = NULL,
        reason = 'the worker died while sending'
    FROM orphans o
    WHERE m.segment = o.segment AND m.campaign_id = o.campaign_id AND m.seq = o.seq AND m.attempt = o.attempt
        AND m.state::text = 'sending'
    RETURNING m.segment, m.campaign_id, m.seq, m.lane_id, m.phone, m.attempt, m.content_version, m.reason,
        o.changed_at AS intended_at,
        (SELECT l.account_id FROM lanes l WHERE l.id = m.lane_id) AS account_id
), under_way AS ( -- of each lane, for how long its requests may be
    SELECT
        l.id AS lane_id,
        CASE WHEN l.lease_holder = ANY (%(ended)s::text[])
            THEN least(%(request_timeout)s, greatest(interval '2 s', 3 * make_interval(secs => (
                SELECT max(lately.duration_ms)
                FROM (
                    SELECT a.duration_ms FROM attempts a WHERE a.account_id = l.account_id
                    ORDER BY a.finished_at DESC LIMIT 1000
                ) lately
            ) / 1000.0)))
            ELSE %(request_timeout)s
        END AS longest
    FROM lanes l
    WHERE l.id IN (SELECT lane_id FROM recovered)
), logged AS (
    INSERT INTO attempts (segment, campaign_id, seq, account_id, attempt, content_version, outcome, reason)
    SELECT segment, campaign_id, seq, account_id, attempt, content_version, 'unknown', reason FROM recovered
), doubted AS (
    INSERT INTO doubts (segment, campaign_id, seq, attempt, lane_id, account_id, phone, started_at, ended_at)
    SELECT segment, campaign_id, seq, attempt, lane_id, account_id, phone, intended_at, now() + longest
    FROM recovered JOIN under_way USING (lane_id)
), freed AS (
    UPDATE lanes l
    SET
        lease_token = NULL,
        lease_holder = NULL,
        lease_expires_at = NULL,
        woken_at = NULL, -- what is due wakes it at once
        clock = greatest(l.clock, now() + ended.burst)
    FROM ended
    WHERE l.id = ended.id
        AND (SELECT count(*) FROM left_behind b WHERE b.lane_id = l.id)
            = (SELECT count(*) FROM recovered r WHERE r.lane_id = l.id)
    RETURNING l.id
)
SELECT (SELECT count(*) FROM freed) AS lanes, (SELECT count(*) FROM recovered) AS in_doubt
