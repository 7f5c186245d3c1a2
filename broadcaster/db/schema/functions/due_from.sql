-- When the first pending message of a campaign on a lane may leave, by what is known now; no row where there is none.
-- Of groups that are open only messages due from `since` on count: an older one is due now. A claim that has just taken
-- those passes what comes after now, and others '-infinity'. What closes within `reserve` is as good as closed. Of hours
-- that no tick has looked at yet nobody knows; that is asked again in a second.
-- Postgres puts the query in place of the call, so that nothing is planned for each row.
CREATE FUNCTION due_from(
    segment bigint, campaign bigint, lane integer, hours integer, since timestamptz, reserve interval
) RETURNS TABLE (moment timestamptz) LANGUAGE sql STABLE AS $$
    SELECT greatest(first.next_attempt_at, part.opens_at)
    FROM (
        SELECT 0::smallint AS recipient_group, '-infinity'::timestamptz AS opens_at WHERE due_from.hours IS NULL
        UNION ALL
        SELECT
            o.recipient_group,
            CASE
                WHEN o.opens_at > now() THEN o.opens_at
                WHEN o.closes_at > now() + due_from.reserve THEN '-infinity'
                WHEN o.closes_at > now() THEN o.closes_at
                ELSE now() + interval '1 s'
            END
        FROM public.openings o
        WHERE o.hours_id = due_from.hours
    ) part
    CROSS JOIN LATERAL (
        SELECT m.next_attempt_at
        FROM public.messages m
        WHERE m.segment = due_from.segment AND m.campaign_id = due_from.campaign AND m.lane_id = due_from.lane
            AND m.recipient_group = part.recipient_group AND m.state = 'pending'
            AND m.next_attempt_at >= CASE
                WHEN part.opens_at = '-infinity' THEN due_from.since ELSE '-infinity'::timestamptz
            END
        ORDER BY m.next_attempt_at, m.seq
        LIMIT 1
    ) first
    ORDER BY 1
    LIMIT 1
$$;
