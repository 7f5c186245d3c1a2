SELECT /* latest_move */
-- The latest move from the lane %(lane)s; 0: nothing ever left it.
    coalesce(max(id), 0)
FROM lane_moves
WHERE from_lane_id = %(lane)s
