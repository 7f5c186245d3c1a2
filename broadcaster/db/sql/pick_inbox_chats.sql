WITH /* pick_inbox_chats */
-- Takes the chats of an account to read now, those first whose latest message may be somebody else's, and of them the
-- most overdue. Each is read again after %(again)s, if nothing is heard of this reading.
picked AS (
    SELECT c.account_id, c.chat
    FROM inbox_chats c
    WHERE c.account_id = %(account)s AND c.looks > 0 AND c.due_at <= now()
    ORDER BY c.is_ours, c.due_at, c.chat
    LIMIT %(most)s
    FOR UPDATE SKIP LOCKED
)
UPDATE inbox_chats c
SET reads = c.reads + 1, due_at = now() + %(again)s
FROM picked
JOIN inboxes b USING (account_id)
WHERE c.account_id = picked.account_id AND c.chat = picked.chat
RETURNING c.chat, c.changed_at, c.reads, c.read_until, taken_from(b) AS taken_from
