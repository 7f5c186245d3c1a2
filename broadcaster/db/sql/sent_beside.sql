SELECT /* sent_beside */
-- The campaigns that are running, or are to start, but for the one called %(name)s, and the lanes that send them.
    c.id,
    c.care,
    array_agg(cl.lane_id ORDER BY cl.lane_id) AS lanes
FROM campaigns c
JOIN campaign_lanes cl ON cl.campaign_id = c.id AND cl.open AND NOT cl.retired AND cl.pending + cl.sending > 0
WHERE c.state IN ('scheduled', 'running') AND c.test_of IS NULL AND c.confirms IS NULL AND c.name <> %(name)s
GROUP BY c.id
ORDER BY c.id
