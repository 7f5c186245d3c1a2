SELECT /* schedules_with_this_lane_only */
-- Schedules that have not ended and would have no instance to send through.
s.name
FROM schedules s
JOIN schedule_lanes sl ON sl.schedule_id = s.id AND sl.lane_id = %(lane)s
WHERE s.state <> 'ended' AND NOT EXISTS (
    SELECT
    FROM schedule_lanes other
    JOIN instances i ON i.id = other.lane_id AND i.retired_at IS NULL
    WHERE other.schedule_id = s.id AND other.lane_id <> sl.lane_id
)
ORDER BY s.name
