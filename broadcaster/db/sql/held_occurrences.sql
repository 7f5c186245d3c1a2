SELECT /* held_occurrences */
-- The schedules with occurrences that are held until an operator decides, or the one called %(name)s.
    s.name,
    count(*)::integer AS held,
    min(o.due_at) AS since,
    (array_agg(o.reason ORDER BY o.due_at))[1] AS reason,
    (array_agg(occurrence_label(o.due_at, s.timezone) ORDER BY o.due_at))[1] AS first
FROM occurrences o
JOIN schedules s ON s.id = o.schedule_id
WHERE o.state = 'held' AND (%(name)s::text IS NULL OR s.name = %(name)s)
GROUP BY s.id
ORDER BY s.name
