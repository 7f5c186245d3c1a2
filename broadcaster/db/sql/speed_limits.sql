SELECT /* speed_limits */
-- What rates, gaps and rests of all instances of each of these campaigns permit together; no row where one has no limit.
    cl.campaign_id,
    sum(i.typical_rate_per_second) AS per_second,
    sum(i.burst)::integer AS burst
FROM campaign_lanes cl
JOIN instances i ON i.id = cl.lane_id
WHERE cl.campaign_id = ANY (%(campaign_ids)s) AND NOT cl.retired
GROUP BY cl.campaign_id
HAVING count(i.typical_rate_per_second) = count(*)
