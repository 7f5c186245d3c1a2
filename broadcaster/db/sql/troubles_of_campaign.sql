SELECT /* troubles_of_campaign */
-- When instances of a campaign were not ok between %(since)s and %(until)s, and why: the first %(most)s of them.
    i.name AS instance,
    t.health,
    t.reason,
    t.began_at,
    CASE WHEN isfinite(t.ended_at) THEN t.ended_at END AS ended_at
FROM campaign_lanes cl
JOIN instances i ON i.id = cl.lane_id
JOIN lane_troubles t ON t.lane_id = cl.lane_id
WHERE cl.campaign_id = %(campaign_id)s AND t.began_at < %(until)s AND t.ended_at > %(since)s
ORDER BY t.began_at, i.name
LIMIT %(most)s
