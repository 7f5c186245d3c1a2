CREATE /* candidates_of_messages */ TEMPORARY TABLE candidates ON COMMIT DROP AS
-- The messages of a campaign that may be left out for its care; whoever has opted out is left out anyway.
SELECT m.phone, m.lane_id, m.seq, NULL::text AS reason
FROM messages m
WHERE m.segment = %(segment)s AND m.campaign_id = %(campaign_id)s AND m.state = 'pending'
    AND NOT EXISTS (SELECT FROM opted_out o WHERE o.phone = m.phone AND o.lane_id IN (0, m.lane_id))
