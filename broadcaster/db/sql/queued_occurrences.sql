SELECT /* queued_occurrences */
-- The schedules with occurrences that are queued, or the one called %(name)s, and what the first of them waits for.
    s.name,
    queued.occurrences AS queued,
    queued.since,
    s.state = 'paused' AS is_paused,
    queued_behind(s.id, queued.since) AS behind
FROM schedules s
JOIN (
    SELECT schedule_id, count(*)::integer AS occurrences, min(due_at) AS since
    FROM occurrences
    WHERE state = 'queued'
    GROUP BY schedule_id
) queued ON queued.schedule_id = s.id
WHERE %(name)s::text IS NULL OR s.name = %(name)s
ORDER BY s.name
