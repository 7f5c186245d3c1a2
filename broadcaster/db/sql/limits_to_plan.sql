SELECT /* limits_to_plan */
-- The limits that count for lanes, as they stand (`domain.lanes_now.LimitNow`).
    f.id,
    coalesce(f.name, i.name) AS name,
    f.name IS NOT NULL AS is_shared,
    f.ramp,
    f.step,
    f.step_since,
    f.most,
    f.span_seconds,
    f.grace_seconds,
    f.counts,
    f.newest
FROM limits f
LEFT JOIN instances i ON i.id = f.lane_id
WHERE EXISTS (SELECT FROM lane_limits ll WHERE ll.limit_id = f.id AND ll.lane_id = ANY (%(lanes)s::integer[]))
ORDER BY f.id
