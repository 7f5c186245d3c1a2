WITH /* pick_inboxes */
-- Takes the accounts to read for replies now: those whose chats are to be listed, or where some have changed. The
-- account's next round, %(pace)s away unless this one is heard of before, and its next list are moved on in this
-- statement, so that two workers never list the same. Messages in doubt are read back in the same rounds: where both
-- have something to read, a coin decides, so that neither waits for a process that may not run.
free AS (
    SELECT a.id, a.reads_a_second
    FROM accounts a
    WHERE a.id IN (SELECT account_id FROM instances WHERE read_replies_seconds IS NOT NULL)
        AND inbox_is_due(a.id)
        AND a.next_read_at <= now()
        AND a.key_encrypted IS NOT NULL
        AND NOT EXISTS (SELECT FROM throttled_lanes(a.id))
        AND (random() < 0.5 OR NOT EXISTS (
            SELECT FROM doubts d WHERE d.account_id = a.id AND d.resolved_as IS NULL AND d.next_poll_at <= now()
        ))
    ORDER BY a.next_read_at, a.id
    LIMIT %(most)s
    FOR NO KEY UPDATE OF a SKIP LOCKED
), paced AS (
    UPDATE accounts a SET next_read_at = now() + %(pace)s FROM free WHERE a.id = free.id
), listing AS (
    SELECT free.id, i.read_replies_seconds
    FROM free
    JOIN instances i ON i.account_id = free.id
    LEFT JOIN inboxes b ON b.account_id = free.id
    WHERE b.account_id IS NULL OR b.next_poll_at <= now()
), listed AS (
    INSERT INTO inboxes AS b (account_id, polls, next_poll_at)
    SELECT id, 1, now() + make_interval(secs => read_replies_seconds)
    FROM listing
    ORDER BY id
    ON CONFLICT (account_id) DO UPDATE SET polls = b.polls + 1, next_poll_at = excluded.next_poll_at
    RETURNING b.account_id, b.polls, b.since, b.listed_until, b.gap_from, b.listed_at
)
SELECT
    i.name, a.id AS account_id, a.key_encrypted, a.base_url, a.wire, i.reply_rules, i.id AS lane_id,
    free.reads_a_second AS reads, i.read_replies_seconds AS interval_seconds, listed.polls, listed.since,
    coalesce(listed.gap_from, listed.listed_until) AS known_from, listed.listed_at, now() AS read_at
FROM free
JOIN accounts a ON a.id = free.id
JOIN instances i ON i.account_id = a.id
LEFT JOIN listed ON listed.account_id = a.id
ORDER BY a.id
