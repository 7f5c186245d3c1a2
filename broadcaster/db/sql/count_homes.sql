SELECT /* count_homes */
-- How many of them each instance has talked to last.
i.name AS instance, count(*) AS people
FROM homes
JOIN instances i ON i.id = homes.lane_id
GROUP BY i.name
ORDER BY i.name
