WITH /* stand_in_for_lane */
-- Every open campaign and schedule that has the lane %(lane)s has the lane %(to)s from now on, too, with the same weight. The
-- campaigns are held, so that none of them is removed meanwhile.
schedule AS (
    INSERT INTO schedule_lanes (schedule_id, lane_id, weight)
    SELECT schedule_id, %(to)s, weight FROM schedule_lanes WHERE lane_id = %(lane)s
    ON CONFLICT (schedule_id, lane_id) DO NOTHING
), held AS MATERIALIZED (
    SELECT c.id, cl.weight
    FROM campaigns c
    JOIN campaign_lanes cl ON cl.campaign_id = c.id AND cl.lane_id = %(lane)s AND NOT cl.retired
    WHERE c.state IN ('draft', 'scheduled', 'running', 'paused')
    ORDER BY c.id
    FOR KEY SHARE OF c
)
INSERT INTO campaign_lanes (campaign_id, lane_id, weight)
SELECT id, %(to)s, weight FROM held
ON CONFLICT (campaign_id, lane_id) DO UPDATE SET retired = false WHERE campaign_lanes.retired
