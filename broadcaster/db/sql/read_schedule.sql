SELECT /* read_schedule */
    s.id,
    s.name,
    s.state,
    s.cron,
    s.every,
    s.timezone,
    s.anchor,
    s.next_at,
    s.from_at,
    s.until_at,
    s.occurrence_limit,
    s.occurrences_made,
    s.misfire,
    s.grace,
    s.overlap,
    s.audience_id,
    s.audience_filter,
    s.content_id,
    s.caption,
    s.filename,
    s.locale,
    s.priority,
    s.max_attempts,
    s.hours_id,
    s.expires_after,
    s.require_consent,
    s.care,
    s.sharing,
    (
        SELECT coalesce(jsonb_object_agg(l.name, l.id), '{}')
        FROM schedule_limits held
        JOIN limits l ON l.id = held.limit_id
        WHERE held.schedule_id = s.id
    ) AS limits,
    (SELECT array_agg(sl.lane_id ORDER BY sl.lane_id) FROM schedule_lanes sl WHERE sl.schedule_id = s.id) AS lanes,
    (SELECT array_agg(sl.weight ORDER BY sl.lane_id) FROM schedule_lanes sl WHERE sl.schedule_id = s.id) AS weights
FROM schedules s
WHERE s.name = %(name)s
