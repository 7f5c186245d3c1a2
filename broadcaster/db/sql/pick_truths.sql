WITH /* pick_truths */
-- Takes messages that were accepted between %(until)s and %(since)s ago, to see whether their chats show them: one of
-- each account that was lately sent through and whose turn it is, and none that was looked for before. It is nobody
-- else's turn with that account for %(every)s.
active AS (
    SELECT DISTINCT i.account_id, i.name, i.reply_rules
    FROM lanes_sent_through(%(until)s) used
    JOIN instances i ON i.id = used.lane_id
    JOIN lanes l ON l.id = i.id AND l.health = 'ok'
), due AS (
    SELECT a.id
    FROM accounts a
    WHERE a.id IN (SELECT account_id FROM active) AND a.next_truth_at <= now() AND a.next_read_at <= now()
    ORDER BY a.next_truth_at, a.id
    LIMIT %(most)s
    FOR NO KEY UPDATE OF a SKIP LOCKED
), taken AS (
    UPDATE accounts a SET next_truth_at = now() + %(every)s FROM due WHERE a.id = due.id
)
SELECT
    active.name, a.id AS account_id, a.key_encrypted, a.base_url, a.wire, active.reply_rules, m.phone,
    c.kind AS content_kind, one.segment, one.campaign_id, one.seq, one.attempt, one.accepted_at, now() AS read_at
FROM due
JOIN accounts a USING (id)
JOIN active ON active.account_id = a.id
CROSS JOIN LATERAL (
    SELECT *
    FROM (
        SELECT
            segment, campaign_id, seq, attempt, content_version,
            finished_at - make_interval(secs => coalesce(duration_ms, 0) / 1000.0) AS accepted_at
        FROM attempts
        WHERE account_id = a.id AND outcome = 'accepted'
            AND finished_at > greatest(a.truth_since, now() - %(until)s, (SELECT max(steady_since) FROM ticks))
            AND finished_at <= now() - %(since)s
            AND concat_ws('/', campaign_id, seq, attempt) <> ALL (a.truth_sample)
        ORDER BY finished_at DESC
        LIMIT 200
    ) lately
    ORDER BY random()
    LIMIT 1
) one
CROSS JOIN LATERAL ( -- by key, whatever is known of a table that has just been filled
    SELECT phone FROM messages WHERE segment = one.segment AND campaign_id = one.campaign_id AND seq = one.seq OFFSET 0
) m
JOIN content_versions v ON v.campaign_id = one.campaign_id AND v.version = one.content_version
JOIN contents c ON c.id = v.content_id
WHERE m.phone IS NOT NULL -- forgotten: nobody knows whose chat to read
ORDER BY a.id
