SELECT /* receiver_troubles */
-- Receivers that take nothing now, also before there is anything to take, and those to which something of the last %(within)s was
-- given up, tests apart. Of deliveries it reads what was not delivered, and nothing else.
    r.name,
    r.failures,
    count(d.id) FILTER (WHERE d.given_up_at IS NULL) AS waiting,
    count(d.id) FILTER (WHERE d.given_up_at > now() - %(within)s AND n.event <> 'test') AS undelivered,
    r.answer,
    (array_agg(d.answer ORDER BY d.notice_id DESC) FILTER (
        WHERE d.answer IS NOT NULL AND d.given_up_at > now() - %(within)s AND n.event <> 'test'
    ))[1] AS last_answer,
    i.name AS opted_out_from
FROM receivers r
LEFT JOIN deliveries d ON d.receiver_id = r.id AND d.delivered_at IS NULL
LEFT JOIN notices n ON n.id = d.notice_id
LEFT JOIN instances i ON i.id = r.instance_id
    AND EXISTS (SELECT FROM opted_out o WHERE o.phone = r.address AND o.lane_id IN (0, r.instance_id))
GROUP BY r.id, i.id
HAVING i.id IS NOT NULL OR count(d.id) > 0 AND r.failures > 0
    OR count(*) FILTER (WHERE d.given_up_at > now() - %(within)s AND n.event <> 'test') > 0
ORDER BY r.name
