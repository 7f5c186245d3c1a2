SELECT /* count_opted_out */
-- How many messages of a campaign that is being stored are to somebody who has opted out from their lane's.
    count(*)
FROM messages m
WHERE m.segment = %(segment)s
    AND m.campaign_id = %(campaign_id)s
    AND (SELECT true FROM opted_out LIMIT 1)
    AND EXISTS (SELECT FROM opted_out o WHERE o.phone = m.phone AND o.lane_id IN (0, m.lane_id))
