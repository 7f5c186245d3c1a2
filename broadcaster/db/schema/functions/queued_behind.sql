-- The campaign that an occurrence of a schedule has to wait for: of those before it that have not ended, the latest. Null:
-- there is none.
CREATE FUNCTION queued_behind(schedule bigint, due timestamptz) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT c.name
    FROM public.occurrences o
    JOIN public.campaigns c ON c.id = o.campaign_id
    WHERE o.schedule_id = schedule AND o.due_at < due AND c.finished_at IS NULL
    ORDER BY o.due_at DESC
    LIMIT 1
$$;
