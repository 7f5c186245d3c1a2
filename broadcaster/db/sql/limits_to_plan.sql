SELECT /* limits_to_plan */
-- The limits that count for lanes, or for what is running or scheduled on them, as they stand (`domain.lanes_now.LimitNow`);
-- those of the campaign called %(name)s, and %(limits)s.
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
WHERE f.id = ANY (%(limits)s::integer[])
    OR EXISTS (SELECT FROM lane_limits ll WHERE ll.limit_id = f.id AND ll.lane_id = ANY (%(lanes)s::integer[]))
    OR EXISTS (
        SELECT FROM campaign_limits held
        JOIN campaigns c ON c.id = held.campaign_id AND (c.state IN ('scheduled', 'running') OR c.name = %(name)s)
        WHERE held.limit_id = f.id
            AND EXISTS (
                SELECT FROM campaign_lanes cl
                WHERE cl.campaign_id = c.id AND cl.open AND cl.lane_id = ANY (%(lanes)s::integer[])
            )
    )
ORDER BY f.id
