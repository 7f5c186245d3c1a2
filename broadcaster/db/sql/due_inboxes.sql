SELECT /* due_inboxes */
-- Whether any account can be read for replies now, or within %(within)s.
EXISTS (
    SELECT
    FROM instances i
    JOIN accounts a ON a.id = i.account_id
    LEFT JOIN inboxes b ON b.account_id = a.id
    WHERE i.read_replies_seconds IS NOT NULL AND a.next_read_at <= now() + %(within)s AND a.key_encrypted IS NOT NULL
        AND NOT EXISTS (SELECT FROM throttled_lanes(a.id))
        AND (
            b.account_id IS NULL OR b.next_poll_at <= now() + %(within)s
            OR EXISTS (
                SELECT FROM inbox_chats c
                WHERE c.account_id = a.id AND c.looks > 0 AND c.due_at <= now() + %(within)s
            )
        )
)
