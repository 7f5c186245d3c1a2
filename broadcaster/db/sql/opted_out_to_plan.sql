SELECT /* opted_out_to_plan */
-- How many messages of campaigns are pending for people who have opted out from their lane's, by lane and group of
-- recipients. Confirmations of opt-outs are sent all the same.
c.id AS campaign_id, m.lane_id, m.recipient_group, count(DISTINCT m.seq) AS messages
FROM campaigns c
CROSS JOIN (SELECT DISTINCT phone, lane_id FROM opted_out) o
JOIN messages m
    ON m.segment = c.segment AND m.campaign_id = c.id AND m.phone = o.phone AND o.lane_id IN (0, m.lane_id)
WHERE c.id = ANY (%(campaigns)s::bigint[]) AND c.confirms IS NULL AND m.state = 'pending'
GROUP BY c.id, m.lane_id, m.recipient_group
ORDER BY c.id, m.lane_id, m.recipient_group
