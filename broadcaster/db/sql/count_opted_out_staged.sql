SELECT /* count_opted_out_staged */
-- The same of messages that are staged alone.
    count(*)
FROM staged_messages m
WHERE (SELECT true FROM opted_out LIMIT 1)
    AND EXISTS (SELECT FROM opted_out o WHERE o.phone = m.phone AND o.lane_id IN (0, m.lane_id))
