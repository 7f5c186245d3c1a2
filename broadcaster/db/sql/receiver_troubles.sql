SELECT /* receiver_troubles */
-- Receivers that take nothing now, and those to which something of the last %(within)s was given up, tests apart. Reads what was
-- not delivered, and nothing else.
    r.name,
    r.failures,
    count(*) FILTER (WHERE d.given_up_at IS NULL) AS waiting,
    count(*) FILTER (WHERE d.given_up_at > now() - %(within)s AND n.event <> 'test') AS undelivered,
    r.answer,
    (array_agg(d.answer ORDER BY d.notice_id DESC) FILTER (
        WHERE d.answer IS NOT NULL AND d.given_up_at > now() - %(within)s AND n.event <> 'test'
    ))[1] AS last_answer
FROM receivers r
JOIN deliveries d ON d.receiver_id = r.id AND d.delivered_at IS NULL
JOIN notices n ON n.id = d.notice_id
GROUP BY r.id
HAVING r.failures > 0 OR count(*) FILTER (WHERE d.given_up_at > now() - %(within)s AND n.event <> 'test') > 0
ORDER BY r.name
