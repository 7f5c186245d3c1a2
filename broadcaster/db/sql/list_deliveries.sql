SELECT /* list_deliveries */
-- The latest %(limit)s deliveries, the latest first: of one receiver, or only what did not arrive. What goes by WhatsApp has
-- arrived when its message is sent, so the message's state is told as well.
    d.id,
    n.noted_at,
    r.name AS receiver,
    r.way,
    n.event,
    n.subject,
    n.document AS notice,
    d.tries,
    d.delivered_at,
    d.given_up_at,
    CASE
        WHEN d.delivered_at IS NULL AND d.given_up_at IS NULL AND d.campaign_id IS NULL
        THEN greatest(d.next_try_at, r.not_before)
    END AS next_try_at,
    d.answer,
    message.state AS message_state,
    message.reason AS message_reason
FROM (
    SELECT d.*
    FROM deliveries d
    JOIN receivers r ON r.id = d.receiver_id
    WHERE (%(receiver)s::text IS NULL OR r.name = %(receiver)s) AND (NOT %(undelivered)s OR d.delivered_at IS NULL)
    ORDER BY d.notice_id DESC, d.receiver_id DESC
    LIMIT %(limit)s
) d
JOIN notices n ON n.id = d.notice_id
JOIN receivers r ON r.id = d.receiver_id
LEFT JOIN campaigns c ON c.id = d.campaign_id
LEFT JOIN messages message ON message.segment = c.segment AND message.campaign_id = c.id AND message.seq = 1
ORDER BY d.notice_id DESC, d.receiver_id DESC
