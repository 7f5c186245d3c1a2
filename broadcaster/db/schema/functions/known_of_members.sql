-- Which members of an audience, and which of these phones, campaigns and audiences know: one row for each and each of
-- `wanted` that holds. Of an audience there are no phones (null), of phones no audience.
--   wanted  [{leaf, kind, id, seconds}] (services/audiences/predicate.py), where `kind` is
--           messaged   something was sent to them within so many seconds, or may have been
--           got, failed, recipient   they are recipients of the campaign `id` whose message is sent, failed, or anywhere
--           audience   they are members of the audience `id`
-- A campaign that ended a day before the span began has sent nothing within it. Test copies are counted nowhere.
-- Few members are looked up by their phones; for many each campaign is read once, by key.
CREATE FUNCTION known_of_members(audience bigint, phones text[], wanted jsonb) RETURNS TABLE (phone text, leaf integer)
LANGUAGE sql STABLE AS $$
    WITH people AS NOT MATERIALIZED (
        SELECT m.phone FROM public.audience_members m WHERE m.audience_id = audience
        UNION ALL
        SELECT unnest(phones)
    ), members AS MATERIALIZED (
        SELECT count(*) AS n FROM people WHERE jsonb_array_length(wanted) > 0
    ), told AS MATERIALIZED (
        SELECT
            w.leaf,
            c.segment,
            c.id,
            CASE w.kind
                WHEN 'messaged' THEN ARRAY['sent', 'sending', 'in_doubt', 'unknown']::public.message_state[]
                WHEN 'got' THEN ARRAY['sent']::public.message_state[]
                WHEN 'failed' THEN ARRAY['failed']::public.message_state[]
                ELSE enum_range(NULL::public.message_state)
            END AS states,
            CASE WHEN w.kind = 'messaged' THEN now() - make_interval(secs => w.seconds) ELSE '-infinity' END AS since,
            (SELECT n FROM members) * 20 < (
                SELECT sum(cl.total) FROM public.campaign_lanes cl WHERE cl.campaign_id = c.id
            ) AS by_phone
        FROM jsonb_to_recordset(wanted) AS w (leaf integer, kind text, id bigint, seconds float8)
        JOIN public.campaigns c
            ON CASE
                WHEN w.kind = 'messaged' THEN c.test_of IS NULL
                    AND coalesce(c.finished_at, 'infinity') >= now() - make_interval(secs => w.seconds) - interval '1 day'
                WHEN w.kind <> 'audience' THEN c.id = w.id
            END
    )
    SELECT m.phone, told.leaf
    FROM told
    CROSS JOIN LATERAL ( -- by key, whatever is known of a table that has just been filled
        SELECT m.phone
        FROM public.messages m
        WHERE m.segment = told.segment AND m.campaign_id = told.id AND m.state = ANY(told.states)
            AND m.changed_at >= told.since
        OFFSET 0
    ) m
    WHERE NOT told.by_phone AND m.phone IS NOT NULL
    UNION ALL
    SELECT a.phone, told.leaf
    FROM told
    CROSS JOIN people a
    CROSS JOIN LATERAL (
        SELECT m.state, m.changed_at
        FROM public.messages m
        WHERE m.segment = told.segment AND m.campaign_id = told.id AND m.phone = a.phone
        OFFSET 0
    ) m
    WHERE told.by_phone AND m.state = ANY(told.states) AND m.changed_at >= told.since
    UNION ALL
    SELECT a.phone, w.leaf
    FROM jsonb_to_recordset(wanted) AS w (leaf integer, kind text, id bigint)
    JOIN public.audience_members a ON a.audience_id = w.id
    WHERE w.kind = 'audience'
$$;
