SELECT /* waiting_by_lane */
-- What running campaigns of at least this priority have left to send through lanes.
    cl.lane_id,
    sum(cl.pending + cl.sending)::bigint AS messages
FROM campaign_lanes cl
JOIN campaigns c ON c.id = cl.campaign_id
WHERE cl.open AND cl.lane_id = ANY (%(lanes)s::integer[]) AND c.state = 'running' AND c.priority >= %(priority)s
GROUP BY cl.lane_id
