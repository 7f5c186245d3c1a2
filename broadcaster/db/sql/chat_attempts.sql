WITH /* chat_attempts */
-- The attempts to each of %(phones)s, or to another form %(forms)s of that number, that have or may have an entry in its
-- chat: of the last %(within)s, or of as long before its oldest doubt, where nobody read back for a while. Those of other
-- accounts compete for entries too, since two keys may be of one WhatsApp (`is_elsewhere`); but only those of this account
-- are known to have entries here.
-- `polls` is null unless the attempt is in doubt now, through this account and to this very form, `ended_at` while it is
-- under way.
-- An attempt that began in the future, or after it ended, was begun by a clock that has been put back: by how much nobody
-- knows, but its request lasted no longer than a few minutes.
asked AS MATERIALIZED (
    SELECT asked.phone, asked.form, since.moment AS since
    FROM unnest(%(phones)s::text[], %(forms)s::text[]) AS asked (phone, form)
    CROSS JOIN LATERAL (
        SELECT least(now(), min(d.started_at)) - %(within)s AS moment
        FROM doubts d
        WHERE d.account_id = %(account)s AND d.phone = asked.phone AND d.resolved_as IS NULL
    ) since
), known AS (
    SELECT
        asked.phone,
        m.segment,
        m.campaign_id,
        m.seq,
        a.attempt,
        a.content_version,
        m.variables,
        CASE WHEN a.attempt = m.attempt THEN m.gateway_id END AS gateway_id,
        coalesce(d.started_at, a.finished_at - make_interval(secs => coalesce(a.duration_ms, 0) / 1000.0)) AS started_at,
        coalesce(d.ended_at, a.finished_at) AS ended_at,
        a.account_id = %(account)s AND (a.outcome = 'accepted' OR d.resolved_as = 'found') AS is_known,
        a.account_id <> %(account)s AS is_elsewhere,
        CASE WHEN m.state = 'in_doubt' AND a.attempt = m.attempt AND d.resolved_as IS NULL
            AND a.account_id = %(account)s AND m.phone = asked.phone THEN d.polls END AS polls
    FROM asked
    JOIN campaigns c ON c.finished_at IS NULL OR c.finished_at >= asked.since
    CROSS JOIN LATERAL ( -- by key, whatever is known of a table that has just been filled
        SELECT * FROM messages WHERE segment = c.segment AND campaign_id = c.id AND phone = asked.form OFFSET 0
    ) m
    CROSS JOIN LATERAL (
        SELECT * FROM attempts WHERE segment = m.segment AND campaign_id = m.campaign_id AND seq = m.seq OFFSET 0
    ) a
    LEFT JOIN doubts d
        ON d.segment = a.segment AND d.campaign_id = a.campaign_id AND d.seq = a.seq AND d.attempt = a.attempt
    WHERE a.outcome IN ('accepted', 'unknown')
        AND coalesce(d.ended_at, a.finished_at) >= asked.since
        AND d.resolved_as IS DISTINCT FROM 'absent'
    UNION ALL
    SELECT
        asked.phone, m.segment, m.campaign_id, m.seq, m.attempt, m.content_version, m.variables, NULL, m.changed_at, NULL,
        false, false, NULL
    FROM asked -- whatever its campaign's state: requests of a cancelled one may be under way
    JOIN messages m ON m.state = 'sending' AND m.phone = asked.form
)
SELECT
    phone,
    segment,
    campaign_id,
    seq,
    attempt,
    content_version,
    variables,
    gateway_id,
    CASE
        WHEN started_at > least(ended_at, now()) THEN least(ended_at, now()) - interval '10 min'
        ELSE started_at
    END AS started_at,
    ended_at,
    is_known,
    is_elsewhere,
    polls
FROM known
ORDER BY phone, campaign_id, seq, attempt
