SELECT /* failed_by_reason */
-- How many failed messages of a campaign can be sent again, by the reason under which reports count them.
    counted_reason(m.campaign_id, m.lane_id, m.state, m.reason) AS reason,
    count(*) AS messages
FROM campaigns c
JOIN messages m ON m.segment = c.segment AND m.campaign_id = c.id
WHERE c.id = %(campaign_id)s AND m.state = 'failed' AND m.phone IS NOT NULL -- who was forgotten stays so
GROUP BY 1
ORDER BY 2 DESC, 1
