-- Whether any chat can be read back now.
SELECT EXISTS (
    SELECT
    FROM doubts d
    JOIN lanes l ON l.id = d.lane_id
    WHERE d.resolved_as IS NULL AND d.next_poll_at <= now()
        AND l.next_read_at <= now()
        AND l.health NOT IN ('refused', 'paused')
        AND (l.not_before IS NULL OR l.not_before <= now())
)
