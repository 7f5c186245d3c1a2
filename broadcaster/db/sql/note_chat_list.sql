WITH /* note_chat_list */
-- Takes in a list of chats. Those that changed are to be read, twice: their change is dated to the second, and a second
-- message may follow within it; and messages may be listed later than their chats. The list moves the watermark, or
-- sets it where it is the first that shows something. Guarded by the number of the poll: a list that comes late changes
-- nothing. Chats that were read and can be told again from the watermark alone are not kept.
inbox AS (
    UPDATE inboxes b
    SET
        since = coalesce(b.since, %(first_watermark)s::timestamptz),
        listed_until = greatest(b.listed_until, %(latest)s::timestamptz),
        gap_from = CASE
            WHEN b.since IS NULL OR b.listed_until IS NULL THEN NULL
            WHEN %(complete_since)s::timestamptz <= coalesce(b.gap_from, b.listed_until) THEN NULL
            ELSE coalesce(b.gap_from, b.listed_until)
        END,
        listed_at = now(),
        trouble = %(trouble)s::text
    WHERE b.account_id = %(account)s AND b.polls = %(polls)s
    RETURNING b.account_id, taken_from(b) AS taken_from
), old AS (
    SELECT c.account_id, c.chat
    FROM inbox
    JOIN inbox_chats c USING (account_id)
    WHERE c.looks = 0 AND c.changed_at <= inbox.taken_from
    FOR UPDATE OF c SKIP LOCKED
), gone AS (
    DELETE FROM inbox_chats c USING old WHERE c.account_id = old.account_id AND c.chat = old.chat
)
INSERT INTO inbox_chats AS c (account_id, chat, changed_at, is_ours, looks)
SELECT inbox.account_id, listed.chat, listed.changed_at, listed.is_ours, CASE WHEN listed.changed_at IS NULL THEN 1 ELSE 2 END
FROM inbox
CROSS JOIN jsonb_to_recordset(%(chats)s) AS listed (chat text, changed_at timestamptz, is_ours boolean)
WHERE listed.changed_at IS NULL OR listed.changed_at > inbox.taken_from
ORDER BY listed.chat
ON CONFLICT (account_id, chat) DO UPDATE
SET changed_at = excluded.changed_at, is_ours = excluded.is_ours, looks = excluded.looks, due_at = now(), tries = 0
WHERE c.changed_at IS DISTINCT FROM excluded.changed_at OR (excluded.changed_at IS NULL AND c.looks = 0)
