SELECT /* troubled_inboxes */
-- Instances whose replies are looked for and cannot be read, lag, or have left chats out. What should have been read
-- longer ago than three polls, and a minute, lags; where no ticks are done, all does, and that is told elsewhere.
    name,
    unreadable_since,
    next_read_at,
    CASE WHEN late_since < now() - greatest(3 * every, interval '1 minute') THEN late_since END AS late_since,
    chats_waiting,
    gap_from,
    trouble
FROM (
    SELECT
        i.name,
        make_interval(secs => i.read_replies_seconds) AS every,
        a.unreadable_since,
        nullif(a.next_read_at, '-infinity') AS next_read_at,
        CASE WHEN EXISTS (SELECT FROM ticks WHERE done_at > now() - %(silence)s)
            THEN least(nullif(b.next_poll_at, '-infinity'), waiting.since)
        END AS late_since,
        waiting.chats AS chats_waiting,
        nullif(b.gap_from, '-infinity') AS gap_from,
        b.trouble
    FROM instances i
    JOIN accounts a ON a.id = i.account_id
    JOIN inboxes b ON b.account_id = a.id
    CROSS JOIN LATERAL (
        SELECT count(*) AS chats, min(c.due_at) AS since
        FROM inbox_chats c
        WHERE c.account_id = a.id AND c.looks > 0
    ) waiting
    WHERE i.read_replies_seconds IS NOT NULL
) inbox
WHERE unreadable_since IS NOT NULL OR gap_from IS NOT NULL
    OR late_since < now() - greatest(3 * every, interval '1 minute')
ORDER BY name
