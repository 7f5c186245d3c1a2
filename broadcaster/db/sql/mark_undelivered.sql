WITH /* mark_undelivered */
-- A try has failed: the delivery waits for its gap, and the receiver with all that waits for it for its own. A try that was
-- overtaken by another one changes nothing. The receiver is locked first, as the claim does.
receiver AS MATERIALIZED (
    SELECT r.id FROM receivers r JOIN deliveries d ON d.receiver_id = r.id WHERE d.id = %(id)s FOR NO KEY UPDATE OF r
), failed AS (
    UPDATE deliveries d
    SET next_try_at = now() + make_interval(secs => %(gap)s), answer = without_numbers(%(answer)s)
    FROM receiver
    WHERE d.id = %(id)s AND d.receiver_id = receiver.id AND d.tries = %(tries)s AND d.delivered_at IS NULL
        AND d.campaign_id IS NULL
    RETURNING d.receiver_id
)
UPDATE receivers r
SET failures = r.failures + 1, not_before = now() + make_interval(secs => %(rest)s), answer = without_numbers(%(answer)s)
FROM failed f
WHERE r.id = f.receiver_id
