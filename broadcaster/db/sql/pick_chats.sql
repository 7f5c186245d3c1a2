WITH /* pick_chats */
-- Takes the chats to read back now: of each account that may be asked, as many as it is read in a second, those whose
-- poll is most overdue. Polls that are counted to the end are counted on as late ones. The account's next round, %(pace)s away unless this one is heard of before, and the next poll of
-- the doubts advance in this statement, so that two reconcilers never take the same. An account is asked whatever its
-- instance's health, except while that is throttled: reading sends nothing. Where replies are to be read as well, a coin
-- decides whose round it is (pick_inboxes.sql).
free AS (
    SELECT a.id, a.reads_a_second
    FROM accounts a
    WHERE a.id IN (SELECT d.account_id FROM doubts d WHERE d.resolved_as IS NULL AND d.next_poll_at <= now())
        AND a.next_read_at <= now()
        AND a.key_encrypted IS NOT NULL
        AND NOT EXISTS (SELECT FROM throttled_lanes(a.id))
        AND (random() < 0.5 OR NOT inbox_is_due(a.id))
    ORDER BY a.next_read_at, a.id
    LIMIT %(most)s
    FOR NO KEY UPDATE OF a SKIP LOCKED
), chat AS (
    SELECT free.id AS account_id, due.phone, due.lane_id
    FROM free
    CROSS JOIN LATERAL (
        SELECT d.phone, min(d.lane_id) AS lane_id
        FROM doubts d
        WHERE d.account_id = free.id AND d.resolved_as IS NULL AND d.next_poll_at <= now()
        GROUP BY d.phone
        ORDER BY min(d.next_poll_at), d.phone
        LIMIT free.reads_a_second
    ) due
), paced AS (
    UPDATE accounts a SET next_read_at = now() + %(pace)s FROM free WHERE a.id = free.id
), polled AS (
    UPDATE doubts d
    SET
        polls = CASE d.polls WHEN 32767 THEN 21 ELSE d.polls + 1 END,
        next_poll_at = now() + least(%(longest)s, %(first)s * power(2, least(d.polls, 20)))
    FROM chat
    WHERE d.account_id = chat.account_id AND d.phone = chat.phone AND d.resolved_as IS NULL
)
SELECT
    i.name, a.id AS account_id, a.key_encrypted, a.base_url, a.wire, i.reply_rules, chat.phone,
    now() AS read_at
FROM chat
JOIN accounts a ON a.id = chat.account_id
JOIN instances i ON i.id = chat.lane_id
ORDER BY a.id, chat.phone
