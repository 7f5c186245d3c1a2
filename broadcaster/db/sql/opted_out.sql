SELECT /* opted_out */
-- Which of these numbers have opted out from the messages of these lanes, by their places.
asked.place
FROM unnest(%(phones)s::text[], %(lanes)s::integer[]) WITH ORDINALITY AS asked (phone, lane_id, place)
CROSS JOIN LATERAL (
    SELECT
    FROM opted_out
    WHERE phone = asked.phone AND lane_id IN (0, asked.lane_id)
    ORDER BY opt_out_id -- only its key has this order, whatever is thought of the table
    LIMIT 1
) found
