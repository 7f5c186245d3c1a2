SELECT /* moved_since_retired */
-- How many messages went elsewhere since the lane %(lane)s was retired, whoever moved them: after the move %(after)s.
    coalesce(sum(messages), 0)::bigint
FROM lane_moves
WHERE from_lane_id = %(lane)s AND reason = 'retired' AND id > %(after)s
