SELECT /* count_undecided_staged */
-- The same of messages that are staged alone.
    count(*)
FROM staged_messages m
WHERE m.phone = ANY (%(phones)s::text[])
    AND NOT EXISTS (SELECT FROM opted_out o WHERE o.phone = m.phone AND o.lane_id IN (0, m.lane_id))
