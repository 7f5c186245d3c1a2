WITH /* note_chat_readings */
-- What readings of chats came to. Guarded by the number of the reading and by the change that it was for: whoever comes
-- late, or after another change was listed, leaves the chat to be read again. One that is not answered %(tries)s times in
-- a row is given up until it changes again, and counted, as are those that did not show all.
inbox AS ( -- locked first, as by note_chat_list.sql: nobody waits in a circle
    SELECT account_id FROM inboxes WHERE account_id = %(account)s FOR UPDATE
), read AS (
    SELECT *
    FROM inbox
    CROSS JOIN jsonb_to_recordset(%(readings)s) AS r (
        chat text, changed_at timestamptz, reads bigint, answered boolean, is_whole boolean, read_until timestamptz
    )
), noted AS (
    UPDATE inbox_chats c
    SET
        looks = CASE WHEN read.answered THEN c.looks - 1 WHEN c.tries + 1 >= %(tries)s THEN 0 ELSE c.looks END,
        tries = CASE WHEN read.answered THEN 0 ELSE c.tries + 1 END,
        due_at = now() + %(next)s,
        read_until = greatest(c.read_until, read.read_until)
    FROM read
    WHERE c.account_id = read.account_id AND c.chat = read.chat AND c.reads = read.reads AND c.looks > 0
        AND c.changed_at IS NOT DISTINCT FROM read.changed_at
    RETURNING NOT read.is_whole OR (NOT read.answered AND c.looks = 0) AS is_cut
), cut AS (
    SELECT count(*) AS chats FROM noted WHERE is_cut
)
UPDATE inboxes b
SET chats_cut = b.chats_cut + cut.chats, trouble = coalesce(%(trouble)s::text, b.trouble)
FROM cut
WHERE b.account_id = %(account)s AND (cut.chats > 0 OR %(trouble)s::text IS NOT NULL)
