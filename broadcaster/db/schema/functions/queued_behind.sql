-- The campaign that a queued occurrence of a schedule has to wait for: of those that are queued and were due before it the
-- latest, or else what the schedule is sending. Null: there is none.
CREATE FUNCTION queued_behind(schedule bigint, due timestamptz) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT c.name
    FROM public.occurrences o
    JOIN public.campaigns c ON c.id = o.campaign_id
    WHERE o.schedule_id = schedule
        AND (o.state = 'started' OR (o.state = 'queued' AND o.due_at < due))
        AND c.state IN ('draft', 'scheduled', 'running', 'paused')
    ORDER BY o.state = 'queued' DESC, o.due_at DESC
    LIMIT 1
$$;
