SELECT /* list_receivers */
-- Receivers by name, or the one called %(name)s, and how far what they are told has come. A test that was not taken is none that
-- was lost.
    r.id,
    r.name,
    r.way,
    r.address,
    r.sealed,
    i.name AS instance,
    r.events::text[] AS events,
    r.optouts_above,
    r.since,
    r.failures,
    r.not_before,
    n.waiting,
    n.undelivered,
    n.delivered,
    r.answer,
    last.delivered_at AS last_delivered_at
FROM receivers r
LEFT JOIN instances i ON i.id = r.instance_id
CROSS JOIN LATERAL (
    SELECT
        count(*) FILTER (WHERE d.delivered_at IS NULL AND d.given_up_at IS NULL) AS waiting,
        count(*) FILTER (WHERE d.given_up_at IS NOT NULL AND told.event <> 'test') AS undelivered,
        count(*) FILTER (WHERE d.delivered_at IS NOT NULL) AS delivered
    FROM deliveries d
    JOIN notices told ON told.id = d.notice_id
    WHERE d.receiver_id = r.id
) n
LEFT JOIN LATERAL (
    SELECT max(d.delivered_at) AS delivered_at
    FROM deliveries d
    WHERE d.receiver_id = r.id
) last ON true
WHERE %(name)s::text IS NULL OR r.name = %(name)s
ORDER BY r.name
