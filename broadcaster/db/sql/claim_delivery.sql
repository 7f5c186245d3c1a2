WITH /* claim_delivery */
-- Take the receiver for %(lease)s, and the delivery that is first due there, to be tried now. While one is tried, no other
-- is, by anybody: whoever waits for the receiver's row skips it, and whoever locks it later sees that it is taken. What was
-- delivered or handed over meanwhile is seen when its row is locked. Where the claimer dies, the next claim after the lease
-- has it again.
receiver AS MATERIALIZED (
    SELECT *
    FROM receivers
    WHERE id = %(receiver)s
        AND (not_before IS NULL OR NOT not_before BETWEEN now() + interval '1 us' AND now() + %(longest)s)
    FOR NO KEY UPDATE SKIP LOCKED
), due AS MATERIALIZED (
    SELECT d.id
    FROM receiver r
    JOIN deliveries d ON d.receiver_id = r.id
    WHERE d.delivered_at IS NULL AND d.given_up_at IS NULL AND d.campaign_id IS NULL
        AND NOT d.next_try_at BETWEEN now() + interval '1 us' AND now() + %(longest)s
    ORDER BY d.next_try_at, d.notice_id
    LIMIT 1
    FOR NO KEY UPDATE OF d
), claimed AS (
    UPDATE deliveries d SET tries = d.tries + 1 FROM due WHERE d.id = due.id
    RETURNING d.id, d.receiver_id
), taken AS (
    UPDATE receivers r SET not_before = now() + %(lease)s FROM claimed c WHERE r.id = c.receiver_id
)
SELECT id FROM claimed
