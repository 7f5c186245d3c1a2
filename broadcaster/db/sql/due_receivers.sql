SELECT /* due_receivers */
-- The receivers for which something is due. A moment that lies further ahead than any gap is by a clock that was put back.
    DISTINCT r.id, r.name
FROM receivers r
JOIN deliveries d ON d.receiver_id = r.id AND d.delivered_at IS NULL AND d.given_up_at IS NULL AND d.campaign_id IS NULL
    AND NOT d.next_try_at BETWEEN now() + interval '1 us' AND now() + %(longest)s
WHERE r.not_before IS NULL OR NOT r.not_before BETWEEN now() + interval '1 us' AND now() + %(longest)s
ORDER BY r.id
