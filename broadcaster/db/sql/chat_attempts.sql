-- The attempts to one phone over one lane that have or may have an entry in its chat: of the last %(within)s, or of as
-- long before its oldest doubt, where nobody read back for a while.
-- `polls` is null unless the attempt is in doubt now, `ended_at` while it is under way.
-- An attempt that began in the future, or after it ended, was begun by a clock that has been put back: by how much nobody
-- knows, but its request lasted no longer than a few minutes.
WITH since AS MATERIALIZED (
    SELECT least(now(), min(started_at)) - %(within)s AS moment
    FROM doubts
    WHERE lane_id = %(lane)s AND phone = %(phone)s AND resolved_as IS NULL
), known AS (
    SELECT
        m.segment,
        m.campaign_id,
        m.seq,
        a.attempt,
        m.variables,
        CASE WHEN a.attempt = m.attempt THEN m.gateway_id END AS gateway_id,
        coalesce(d.started_at, a.finished_at - make_interval(secs => coalesce(a.duration_ms, 0) / 1000.0)) AS started_at,
        coalesce(d.ended_at, a.finished_at) AS ended_at,
        CASE WHEN m.state = 'in_doubt' AND a.attempt = m.attempt AND d.resolved_as IS NULL THEN d.polls END AS polls
    FROM campaign_lanes cl
    JOIN campaigns c ON c.id = cl.campaign_id
    JOIN messages m
        ON m.segment = c.segment AND m.campaign_id = c.id AND m.phone = %(phone)s AND m.lane_id = cl.lane_id
    JOIN attempts a ON a.segment = m.segment AND a.campaign_id = m.campaign_id AND a.seq = m.seq
    LEFT JOIN doubts d
        ON d.segment = a.segment AND d.campaign_id = a.campaign_id AND d.seq = a.seq AND d.attempt = a.attempt
    WHERE cl.lane_id = %(lane)s
        AND (c.finished_at IS NULL OR c.finished_at >= (SELECT moment FROM since))
        AND a.outcome IN ('accepted', 'unknown')
        AND coalesce(d.ended_at, a.finished_at) >= (SELECT moment FROM since)
        AND d.resolved_as IS DISTINCT FROM 'absent'
    UNION ALL
    SELECT m.segment, m.campaign_id, m.seq, m.attempt, m.variables, NULL, m.changed_at, NULL, NULL
    FROM messages m -- whatever its campaign's state: requests of a cancelled one may be under way
    WHERE m.lane_id = %(lane)s AND m.state = 'sending' AND m.phone = %(phone)s
)
SELECT
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
    polls
FROM known
ORDER BY campaign_id, seq, attempt
