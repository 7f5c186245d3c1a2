SELECT /* opted_out */
-- Which of these numbers have opted out from the messages of these lanes, by their places.
asked.place
FROM unnest(%(phones)s::text[], %(lanes)s::integer[]) WITH ORDINALITY AS asked (phone, lane_id, place)
WHERE EXISTS (SELECT FROM opted_out o WHERE o.phone = asked.phone AND o.lane_id IN (0, asked.lane_id) OFFSET 0)
