SELECT /* count_undecided */
-- How many messages of a campaign that is being stored are to one of these phones, and not to somebody who has opted out.
    count(*)
FROM messages m
WHERE m.segment = %(segment)s
    AND m.campaign_id = %(campaign_id)s
    AND m.phone = ANY (%(phones)s::text[])
    AND NOT EXISTS (SELECT FROM opted_out o WHERE o.phone = m.phone AND o.lane_id IN (0, m.lane_id))
