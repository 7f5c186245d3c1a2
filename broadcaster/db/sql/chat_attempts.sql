-- The attempts through one account to each of %(phones)s that have or may have an entry in its chat: of the last
-- %(within)s, or of as long before its oldest doubt, where nobody read back for a while. Whichever of our lanes had the
-- account then.
-- `polls` is null unless the attempt is in doubt now, `ended_at` while it is under way.
-- An attempt that began in the future, or after it ended, was begun by a clock that has been put back: by how much nobody
-- knows, but its request lasted no longer than a few minutes.
WITH chat AS MATERIALIZED (
    SELECT asked.phone, least(now(), min(d.started_at)) - %(within)s AS since
    FROM unnest(%(phones)s::text[]) AS asked (phone)
    LEFT JOIN doubts d ON d.account_id = %(account)s AND d.phone = asked.phone AND d.resolved_as IS NULL
    GROUP BY asked.phone
), known AS (
    SELECT
        chat.phone,
        m.segment,
        m.campaign_id,
        m.seq,
        a.attempt,
        m.variables,
        CASE WHEN a.attempt = m.attempt THEN m.gateway_id END AS gateway_id,
        coalesce(d.started_at, a.finished_at - make_interval(secs => coalesce(a.duration_ms, 0) / 1000.0)) AS started_at,
        coalesce(d.ended_at, a.finished_at) AS ended_at,
        a.outcome = 'accepted' OR d.resolved_as = 'found' AS is_known,
        CASE WHEN m.state = 'in_doubt' AND a.attempt = m.attempt AND d.resolved_as IS NULL THEN d.polls END AS polls
    FROM account_lanes al
    JOIN campaign_lanes cl ON cl.lane_id = al.lane_id
    JOIN campaigns c ON c.id = cl.campaign_id
    CROSS JOIN chat
    JOIN messages m
        ON m.segment = c.segment AND m.campaign_id = c.id AND m.phone = chat.phone AND m.lane_id = cl.lane_id
    JOIN attempts a ON a.segment = m.segment AND a.campaign_id = m.campaign_id AND a.seq = m.seq
    LEFT JOIN doubts d
        ON d.segment = a.segment AND d.campaign_id = a.campaign_id AND d.seq = a.seq AND d.attempt = a.attempt
    WHERE al.account_id = %(account)s
        AND (c.finished_at IS NULL OR c.finished_at >= chat.since)
        AND a.account_id = al.account_id
        AND a.outcome IN ('accepted', 'unknown')
        AND coalesce(d.ended_at, a.finished_at) >= chat.since
        AND d.resolved_as IS DISTINCT FROM 'absent'
    UNION ALL
    SELECT m.phone, m.segment, m.campaign_id, m.seq, m.attempt, m.variables, NULL, m.changed_at, NULL, false, NULL
    FROM messages m -- whatever its campaign's state: requests of a cancelled one may be under way
    JOIN lanes l ON l.id = m.lane_id AND l.account_id = %(account)s
    WHERE m.state = 'sending' AND m.phone = ANY (%(phones)s::text[])
)
SELECT
    phone,
    segment,
    campaign_id,
    seq,
    attempt,
    variables,
    gateway_id,
    CASE
        WHEN started_at > least(ended_at, now()) THEN least(ended_at, now()) - interval '10 min'
        ELSE started_at
    END AS started_at,
    ended_at,
    is_known,
    polls
FROM known
ORDER BY phone, campaign_id, seq, attempt
