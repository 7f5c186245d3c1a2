SELECT /* due_doubts */
-- Whether any chat can be read back now, or within %(within)s.
EXISTS (
    SELECT
    FROM doubts d
    JOIN accounts a ON a.id = d.account_id
    WHERE d.resolved_as IS NULL AND d.next_poll_at <= now() + %(within)s AND a.next_read_at <= now() + %(within)s
        AND a.key_encrypted IS NOT NULL
        AND NOT EXISTS (SELECT FROM throttled_lanes(a.id))
)
