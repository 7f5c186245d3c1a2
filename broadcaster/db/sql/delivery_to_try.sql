SELECT /* delivery_to_try */
-- A delivery that this transaction has taken, with what is to be told and to whom.
    d.id,
    d.tries,
    r.failures,
    r.id AS receiver_id,
    r.name AS receiver,
    r.way,
    r.address,
    r.sealed,
    r.instance_id,
    n.event,
    n.subject,
    n.document AS notice,
    n.noted_at,
    now() AS tried_at
FROM deliveries d
JOIN receivers r ON r.id = d.receiver_id
JOIN notices n ON n.id = d.notice_id
WHERE d.id = %(id)s
