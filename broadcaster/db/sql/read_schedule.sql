SELECT
    s.*,
    (SELECT array_agg(sl.lane_id ORDER BY sl.lane_id) FROM schedule_lanes sl WHERE sl.schedule_id = s.id) AS lanes
FROM schedules s
WHERE s.name = %(name)s
