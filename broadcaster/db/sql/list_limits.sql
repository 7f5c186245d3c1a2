SELECT /* list_limits */
-- The limits that lanes share, by name, or the one called %(name)s.
    l.name,
    l.most,
    l.span_seconds,
    places_taken(l, now()) AS taken,
    CASE WHEN places_taken(l, now()) >= l.most THEN l.free_at END AS free_at,
    ARRAY(
        SELECT i.name
        FROM lane_limits ll
        JOIN instances i ON i.id = ll.lane_id
        WHERE ll.limit_id = l.id
        ORDER BY i.name
    ) AS instances
FROM limits l
WHERE l.name IS NOT NULL AND (%(name)s::text IS NULL OR l.name = %(name)s)
ORDER BY l.name
