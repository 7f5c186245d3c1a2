SELECT /* failovers_of_campaign */
-- When instances were in trouble for so long that others sent their part of a campaign, the first first.
i.name AS instance, f.began_at, f.ended_at, f.reason
FROM failovers f
JOIN instances i ON i.id = f.lane_id
WHERE f.campaign_id = %(campaign_id)s
ORDER BY f.id
LIMIT %(most)s
