SELECT /* opted_out */
-- Which of these numbers have opted out from the messages of these lanes, by their places. Of a message that confirms an
-- opt-out it is asked whether it may leave all the same; without a campaign it is any message.
asked.place
FROM unnest(%(phones)s::text[], %(lanes)s::integer[], %(campaigns)s::bigint[])
    WITH ORDINALITY AS asked (phone, lane_id, campaign_id, place)
LEFT JOIN campaigns c ON c.id = asked.campaign_id AND c.confirms IS NOT NULL
WHERE CASE
    WHEN c.id IS NULL THEN
        EXISTS (SELECT FROM opted_out o WHERE o.phone = asked.phone AND o.lane_id IN (0, asked.lane_id) OFFSET 0)
    ELSE NOT may_confirm(c.confirms, asked.phone, asked.lane_id)
END
