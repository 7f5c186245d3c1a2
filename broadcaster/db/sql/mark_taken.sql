WITH /* mark_taken */
-- It is there; or campaign %(campaign)s brings it, and it is there once that has sent it (settle_handed_over.sql). That is so
-- whoever else tries it meanwhile; the receiver is well, and what waits for it goes on in its turn. The receiver is locked
-- first, as the claim does.
receiver AS MATERIALIZED (
    SELECT r.id FROM receivers r JOIN deliveries d ON d.receiver_id = r.id WHERE d.id = %(id)s FOR NO KEY UPDATE OF r
), taken AS (
    UPDATE deliveries d
    SET
        delivered_at = CASE WHEN %(campaign)s::bigint IS NULL THEN now() END,
        given_up_at = NULL,
        answer = without_numbers(%(answer)s),
        campaign_id = %(campaign)s
    FROM receiver
    WHERE d.id = %(id)s AND d.receiver_id = receiver.id AND d.delivered_at IS NULL AND d.campaign_id IS NULL
    RETURNING d.receiver_id
)
UPDATE receivers r SET failures = 0, not_before = NULL, answer = NULL FROM taken t WHERE r.id = t.receiver_id
