-- Takes the chats to read back now: of each lane that may be asked, the one whose poll is most overdue. The pace of
-- the lane and the next poll of the doubts advance in this statement, so that two reconcilers never take the same.
WITH free AS (
    SELECT l.id
    FROM lanes l
    WHERE l.id IN (SELECT d.lane_id FROM doubts d WHERE d.resolved_as IS NULL AND d.next_poll_at <= now())
        AND l.next_read_at <= now()
        AND l.health NOT IN ('refused', 'paused')
        AND (l.not_before IS NULL OR l.not_before <= now())
    ORDER BY l.next_read_at, l.id
    LIMIT %(most)s
    FOR NO KEY UPDATE OF l SKIP LOCKED
), chat AS (
    SELECT free.id AS lane_id, due.phone
    FROM free
    CROSS JOIN LATERAL (
        SELECT d.phone
        FROM doubts d
        WHERE d.lane_id = free.id AND d.resolved_as IS NULL AND d.next_poll_at <= now()
        ORDER BY d.next_poll_at, d.phone
        LIMIT 1
    ) due
), paced AS (
    UPDATE lanes l SET next_read_at = now() + %(pace)s FROM chat WHERE l.id = chat.lane_id
), polled AS (
    UPDATE doubts d
    SET
        polls = d.polls + 1,
        next_poll_at = now() + least(%(longest)s, %(first)s * power(2, least(d.polls, 20)))
    FROM chat
    WHERE d.lane_id = chat.lane_id AND d.phone = chat.phone AND d.resolved_as IS NULL
)
SELECT i.id, i.name, i.key_encrypted, i.base_url, i.wire, i.reply_rules, chat.phone, now() AS read_at
FROM chat
JOIN instances i ON i.id = chat.lane_id
ORDER BY i.id
