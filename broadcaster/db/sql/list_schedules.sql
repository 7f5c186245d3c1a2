SELECT /* list_schedules */
    s.name,
    s.state,
    s.cron,
    s.every,
    s.timezone,
    s.next_at,
    s.from_at,
    s.until_at,
    s.occurrence_limit AS count,
    s.occurrences_made AS campaigns,
    (SELECT count(*) FROM occurrences o WHERE o.schedule_id = s.id AND o.state = 'queued') AS queued,
    (SELECT count(*) FROM occurrences o WHERE o.schedule_id = s.id AND o.state = 'held') AS held,
    a.name AS audience,
    s.audience_filter AS conditions,
    (
        SELECT array_agg(i.name ORDER BY i.name)
        FROM schedule_lanes sl
        JOIN instances i ON i.id = sl.lane_id
        WHERE sl.schedule_id = s.id
    ) AS instances,
    (
        SELECT jsonb_object_agg(i.name, sl.weight)
        FROM schedule_lanes sl
        JOIN instances i ON i.id = sl.lane_id
        WHERE sl.schedule_id = s.id AND sl.weight IS NOT NULL
    ) AS weights,
    content.kind AS content,
    s.caption,
    s.filename,
    s.locale,
    s.priority,
    s.max_attempts,
    s.misfire,
    extract(epoch FROM s.grace)::float8 AS grace_seconds,
    s.overlap,
    s.require_consent,
    s.care,
    s.sharing,
    ARRAY(
        SELECT l.name
        FROM schedule_limits held
        JOIN limits l ON l.id = held.limit_id
        WHERE held.schedule_id = s.id
        ORDER BY l.name
    ) AS limits,
    s.created_at,
    hours.document AS hours,
    extract(epoch FROM s.expires_after)::float8 AS expires_after_seconds
FROM schedules s
JOIN audiences a ON a.id = s.audience_id
JOIN contents content ON content.id = s.content_id
LEFT JOIN opening_hours hours ON hours.id = s.hours_id
WHERE %(name)s::text IS NULL OR s.name = %(name)s
ORDER BY s.name
