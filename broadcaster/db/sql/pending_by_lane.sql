SELECT /* pending_by_lane */
-- How many messages of a campaign are pending, by lane.
lane_id, pending FROM campaign_lanes WHERE campaign_id = %(campaign_id)s AND pending > 0
