WITH /* give_up_trial */
-- A test that did not arrive is not tried again: whoever made it knows. The receiver is locked first, as the claim does.
receiver AS MATERIALIZED (
    SELECT r.id FROM receivers r JOIN deliveries d ON d.receiver_id = r.id WHERE d.id = %(id)s FOR NO KEY UPDATE OF r
), given_up AS (
    UPDATE deliveries d
    SET given_up_at = now(), answer = without_numbers(%(answer)s)
    FROM receiver
    WHERE d.id = %(id)s AND d.receiver_id = receiver.id AND d.delivered_at IS NULL AND d.given_up_at IS NULL
        AND d.campaign_id IS NULL
    RETURNING d.receiver_id
)
UPDATE receivers r SET answer = without_numbers(%(answer)s) FROM given_up g WHERE r.id = g.receiver_id
