WITH /* mend_accounts */
-- Moments of accounts that lie further ahead than their rule allows were written by a clock that has been put back, by
-- %(back)s seconds where that is known. What reading back showed by that clock proves nothing any more.
ahead AS (
    SELECT a.id
    FROM accounts a
    WHERE a.next_read_at > now() + %(longest_rest)s + interval '1 s'
        OR a.unreadable_since > now() + interval '1 s'
        OR (%(back)s > 0 AND a.next_read_at > now())
    ORDER BY a.id
    FOR NO KEY UPDATE OF a
), disproved AS (
    DELETE FROM looks WHERE %(back)s > 0 OR looked_at > now() + interval '1 s'
)
UPDATE accounts a
SET
    next_read_at = CASE
        WHEN a.next_read_at > now() + %(longest_rest)s + interval '1 s' THEN now()
        WHEN a.next_read_at > now() THEN a.next_read_at - make_interval(secs => %(back)s)
        ELSE a.next_read_at
    END,
    unreadable_since = CASE WHEN a.unreadable_since IS NOT NULL THEN least(a.unreadable_since, now()) END
FROM ahead
WHERE a.id = ahead.id
