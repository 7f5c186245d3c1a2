SELECT /* limit_figures */
-- How much of each limit is taken: of those that instances or campaigns share, which have a name, and of each
-- instance's own.
    l.name,
    own.instance,
    CASE
        WHEN l.name IS NULL THEN NULL
        WHEN EXISTS (SELECT FROM campaign_limits cl WHERE cl.limit_id = l.id)
            OR EXISTS (SELECT FROM schedule_limits sl WHERE sl.limit_id = l.id) THEN 'campaigns'
        WHEN EXISTS (SELECT FROM lane_limits ll WHERE ll.limit_id = l.id) THEN 'instances'
    END AS shared_by,
    cardinality(l.ramp) > 0 AS is_ramp,
    l.span_seconds,
    l.most,
    places_taken(l, now()) AS taken
FROM limits l
LEFT JOIN LATERAL (
    SELECT i.name AS instance
    FROM lane_limits ll
    JOIN instances i ON i.id = ll.lane_id
    WHERE ll.limit_id = l.id AND l.name IS NULL
) own ON true
WHERE l.name IS NOT NULL OR own.instance IS NOT NULL
ORDER BY l.name, own.instance, l.span_seconds, is_ramp
