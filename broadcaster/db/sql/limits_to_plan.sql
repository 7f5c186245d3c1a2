SELECT /* limits_to_plan */
-- The limits that count for lanes, as they stand (`domain.campaign_plans.LimitNow`).
    f.id,
    coalesce(f.name, i.name) AS name,
    f.name IS NOT NULL AS is_shared,
    cardinality(f.ramp) > 0 AS is_ramp,
    f.most,
    f.span_seconds,
    f.grace_seconds,
    f.counts,
    f.newest
FROM limits f
LEFT JOIN instances i ON i.id = f.lane_id
WHERE EXISTS (SELECT FROM lane_limits ll WHERE ll.limit_id = f.id AND ll.lane_id = ANY (%(lanes)s::integer[]))
ORDER BY f.id
