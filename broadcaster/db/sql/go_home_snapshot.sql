UPDATE /* go_home_snapshot */ recipient_snapshot s
SET home_lane_id = homes.lane_id
FROM homes
WHERE s.phone = homes.phone
