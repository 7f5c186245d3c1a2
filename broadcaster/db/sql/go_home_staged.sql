UPDATE /* go_home_staged */ staged_messages m
SET lane_id = homes.lane_id, home_lane_id = homes.lane_id
FROM homes
WHERE m.phone = homes.phone
