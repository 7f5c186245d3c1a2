WITH /* stand_in_for_lane */
-- Every open campaign and schedule that has the lane %(lane)s has the lane %(to)s from now on, too, with the same weight.
schedule AS (
    INSERT INTO schedule_lanes (schedule_id, lane_id, weight)
    SELECT schedule_id, %(to)s, weight FROM schedule_lanes WHERE lane_id = %(lane)s
    ON CONFLICT (schedule_id, lane_id) DO NOTHING
)
INSERT INTO campaign_lanes (campaign_id, lane_id, weight)
SELECT cl.campaign_id, %(to)s, cl.weight
FROM campaign_lanes cl
JOIN campaigns c ON c.id = cl.campaign_id AND c.state IN ('draft', 'scheduled', 'running', 'paused')
WHERE cl.lane_id = %(lane)s AND NOT cl.retired
ORDER BY cl.campaign_id
ON CONFLICT (campaign_id, lane_id) DO UPDATE SET retired = false WHERE campaign_lanes.retired
