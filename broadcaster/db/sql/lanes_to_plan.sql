SELECT /* lanes_to_plan */
-- Lanes as they stand (`domain.campaign_plans.LaneNow`).
    l.id,
    i.name AS instance,
    coalesce(1 / i.typical_rate_per_second, 0) AS interval,
    i.tolerance_seconds AS tolerance,
    i.burst,
    extract(epoch FROM greatest(l.clock - now(), '0'))::float8 AS debt,
    coalesce(extract(epoch FROM greatest(l.not_before - now(), '0')), 0)::float8 AS rests,
    l.health IN ('paused', 'refused', 'down') AS is_stopped,
    hours.document AS hours,
    ARRAY(SELECT ll.limit_id FROM lane_limits ll WHERE ll.lane_id = l.id ORDER BY ll.limit_id) AS limits,
    now() AS now
FROM lanes l
JOIN instances i ON i.id = l.id
LEFT JOIN opening_hours hours ON hours.id = i.hours_id
WHERE l.id = ANY (%(lanes)s::integer[])
ORDER BY l.id
