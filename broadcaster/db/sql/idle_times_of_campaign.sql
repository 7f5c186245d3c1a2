SELECT /* idle_times_of_campaign */
-- When nothing of a campaign was due on its instances: the first %(most)s of these times.
    i.name AS instance,
    t.began_at,
    CASE WHEN isfinite(t.ended_at) THEN t.ended_at END AS ended_at
FROM idle_times t
JOIN instances i ON i.id = t.lane_id
WHERE t.campaign_id = %(campaign_id)s
ORDER BY t.began_at, i.name
LIMIT %(most)s
