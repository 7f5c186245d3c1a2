SELECT /* schedule_is_sending */
-- The campaign of a schedule that has something left to send, or one that is queued behind it.
    name
FROM (
    (
        SELECT c.name
        FROM campaigns c
        JOIN occurrences o ON o.campaign_id = c.id
        WHERE o.schedule_id = %(schedule_id)s
            AND c.state IN ('scheduled', 'running', 'paused')
            AND (
                c.started_at IS NULL
                OR EXISTS (
                    SELECT FROM campaign_lanes cl
                    WHERE cl.campaign_id = c.id AND cl.pending + cl.sending + cl.in_doubt > 0
                )
            )
        LIMIT 1
    )
    UNION ALL
    (
        SELECT c.name
        FROM occurrences o
        JOIN campaigns c ON c.id = o.campaign_id
        WHERE o.schedule_id = %(schedule_id)s AND o.state = 'queued'
        LIMIT %(queued)s
    )
) found
LIMIT 1
