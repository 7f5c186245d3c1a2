SELECT /* list_limits */
-- The limits that instances or campaigns share, by name, or the one called %(name)s. Campaigns that have ended are left out.
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
    ) AS instances,
    ARRAY(
        SELECT c.name
        FROM campaign_limits cl
        JOIN campaigns c ON c.id = cl.campaign_id
        WHERE cl.limit_id = l.id AND c.finished_at IS NULL
        ORDER BY c.name
    ) AS campaigns,
    ARRAY(
        SELECT s.name
        FROM schedule_limits sl
        JOIN schedules s ON s.id = sl.schedule_id
        WHERE sl.limit_id = l.id
        ORDER BY s.name
    ) AS schedules,
    EXISTS (SELECT FROM campaign_limits cl WHERE cl.limit_id = l.id)
        OR EXISTS (SELECT FROM schedule_limits sl WHERE sl.limit_id = l.id) AS is_of_campaigns
FROM limits l
WHERE l.name IS NOT NULL AND (%(name)s::text IS NULL OR l.name = %(name)s)
ORDER BY l.name
