SELECT /* due_doubts */
-- Whether any chat can be read back now, or within %(within)s.
EXISTS (
    SELECT
    FROM doubts d
    JOIN accounts a ON a.id = d.account_id
    WHERE d.resolved_as IS NULL AND d.next_poll_at <= now() + %(within)s AND a.next_read_at <= now() + %(within)s
        AND a.key_encrypted IS NOT NULL
        AND NOT EXISTS (
            SELECT FROM instances i JOIN lanes l ON l.id = i.id
            WHERE i.account_id = a.id AND l.health = 'throttled' AND l.not_before > now()
        )
)
