WITH /* settle_messages */
-- The operator's word on messages that are unknown, or in doubt past the settle time, each with a record of it.
-- What is to be sent again has all its attempts anew, and re-opens its campaign: one of which something is sent at all.
-- The campaign is locked before anything moves, so that nobody finishes it meanwhile.
campaign AS MATERIALIZED (
    SELECT id, segment
    FROM campaigns
    WHERE id = %(campaign_id)s
        AND (%(target)s::message_state <> 'pending' OR state IN ('running', 'paused', 'finished'))
    FOR NO KEY UPDATE
), open AS (
    SELECT m.segment, m.campaign_id, m.seq, m.attempt, m.state
    FROM campaign c
    JOIN messages m ON m.segment = c.segment AND m.campaign_id = c.id
    LEFT JOIN doubts d
        ON d.segment = m.segment AND d.campaign_id = m.campaign_id AND d.seq = m.seq AND d.attempt = m.attempt
    WHERE m.lane_id IN (SELECT lane_id FROM campaign_lanes WHERE campaign_id = c.id)
        AND (
            m.state = 'unknown'
            OR (m.state = 'in_doubt' AND coalesce(d.ended_at, m.changed_at) <= now() - %(settle)s)
        )
        AND m.phone IS NOT NULL -- who was forgotten stays so
        AND (%(phones)s::text[] IS NULL OR m.phone = ANY (%(phones)s::text[]))
    ORDER BY m.seq
    FOR UPDATE OF m
), settled AS (
    UPDATE messages m
    SET
        state = %(target)s::message_state,
        changed_at = now(),
        spent = CASE %(target)s::message_state WHEN 'pending' THEN 0 ELSE m.spent END,
        next_attempt_at = now(),
        reason = concat_ws(': ', 'settled by ' || %(settled_by)s::text, %(reason)s::text)
    FROM open
    WHERE m.segment = open.segment AND m.campaign_id = open.campaign_id AND m.seq = open.seq
        AND m.state::text = open.state::text AND m.attempt = open.attempt
    RETURNING m.segment, m.campaign_id, m.seq, m.attempt, m.phone, open.state AS from_state, m.state AS to_state
), recorded AS (
    INSERT INTO settlements (segment, campaign_id, seq, attempt, from_state, to_state, settled_by, reason)
    SELECT segment, campaign_id, seq, attempt, from_state, to_state, %(settled_by)s, %(reason)s FROM settled
), resolved AS (
    UPDATE doubts d
    SET resolved_as = 'settled', resolved_at = now()
    FROM settled
    WHERE d.segment = settled.segment AND d.campaign_id = settled.campaign_id AND d.seq = settled.seq
        AND d.attempt = settled.attempt
), done AS MATERIALIZED (
    SELECT
        count(*) AS messages,
        count(*) FILTER (WHERE to_state = 'pending') AS again,
        give_back(ARRAY( -- who did not get it was not messaged
            SELECT (settled.phone, d.started_at)::person_claim
            FROM settled
            JOIN doubts d USING (segment, campaign_id, seq, attempt)
            WHERE settled.to_state IN ('failed', 'pending')
        ))
    FROM settled
)
UPDATE campaigns c
SET
    state = CASE WHEN c.state = 'finished' AND done.again > 0 THEN 'running' ELSE c.state END,
    finished_at = CASE WHEN c.state = 'finished' AND done.again > 0 THEN NULL ELSE c.finished_at END
FROM campaign
CROSS JOIN done
WHERE c.id = campaign.id
RETURNING c.state, done.messages
