CREATE /* candidates_of_staged */ TEMPORARY TABLE candidates ON COMMIT DROP AS
-- The same of messages that are staged alone.
SELECT m.phone, m.lane_id, m.seq, NULL::text AS reason
FROM staged_messages m
WHERE NOT EXISTS (SELECT FROM opted_out o WHERE o.phone = m.phone AND o.lane_id IN (0, m.lane_id))
