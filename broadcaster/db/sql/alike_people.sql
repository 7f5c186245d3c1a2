WITH /* alike_people */
-- Of a campaign's people, those who are to get something of others as well, and those who were messaged since it started: how
-- many are in the same of the campaigns %(others)s, and were messaged at the same times: the latest %(most)s times in the
-- span, each within %(piece)s; told are those of whom was messaged last. What is being sent is among these. They are in one
-- group of recipients (`groups`), where one of their messages says which. They are beside each other in their lists, as far
-- as these are left: in its own one (`place`) and in those of the others (`places`), each in %(pieces)s pieces, from 0 to 1.
-- Where it %(has_started)s not, whoever is not free when it may leave first, at %(at)s, is planned by that, and is not in its
-- list. One of %(every)s is looked at, whoever that is.
own AS MATERIALIZED (
    SELECT theirs.phone, theirs.seq, theirs.recipient_group FROM ({theirs}) theirs
    WHERE (hashtext(theirs.phone) & 2147483647) %% %(every)s::integer = 0
), others AS MATERIALIZED (
    SELECT c.id, c.segment, sum(cl.total - cl.pending) AS done, greatest(1, sum(cl.pending)) AS due
    FROM campaigns c
    JOIN campaign_lanes cl ON cl.campaign_id = c.id
    WHERE c.id = ANY (%(others)s::bigint[])
    GROUP BY c.id
), history AS MATERIALIZED ( -- before claims keep it
    SELECT p.phone, p.moments
    FROM messaged_lately(%(span)s, %(grace)s) p
    WHERE NOT %(has_started)s AND NOT (
        SELECT EXISTS (
            SELECT FROM frequency_records f
            WHERE f.span_seconds >= %(span)s AND f.since <= now() - make_interval(secs => %(span)s + %(grace)s)
        )
    )
)
SELECT
    selections,
    max(moments) AS moments,
    is_held,
    count(*) * %(every)s::integer AS people,
    avg(place)::float8 AS place,
    places,
    CASE WHEN g.id IS NULL THEN '[]' ELSE jsonb_build_array(jsonb_build_array(g.country, g.zones)) END AS groups
FROM (
    SELECT
        percent_rank() OVER (PARTITION BY %(has_started)s OR NOT held.is_held ORDER BY own.seq) AS place,
        coalesce(met.places, '{{}}') AS places,
        coalesce(met.campaigns, '{{}}') AS selections,
        greatest(own.recipient_group, met.recipient_group) AS recipient_group,
        coalesce(lately.moments[1:%(most)s], '{{}}') AS moments,
        held.is_held
    FROM own
    CROSS JOIN LATERAL (
        SELECT
            array_agg(others.id ORDER BY others.id) AS campaigns,
            max(found.recipient_group) AS recipient_group,
            array_agg(((
                floor(%(pieces)s::integer * least(0.999, greatest(0, (found.seq - others.done) / others.due))) + 0.5
            ) / %(pieces)s::integer)::float8 ORDER BY others.id) AS places
        FROM others
        CROSS JOIN LATERAL ( -- by key
            SELECT m.seq, m.recipient_group FROM messages m
            WHERE m.segment = others.segment AND m.campaign_id = others.id AND m.phone = own.phone
                AND m.state = 'pending'
            LIMIT 1
        ) found
    ) met
    LEFT JOIN history ON history.phone = own.phone
    LEFT JOIN LATERAL (
        SELECT p.moments
        FROM messaged_phones p
        WHERE p.phone = own.phone AND p.moments[1] > now() - make_interval(secs => %(span)s + %(grace)s)
        OFFSET 0
    ) kept ON true
    CROSS JOIN LATERAL (SELECT coalesce(history.moments, kept.moments) AS moments) lately
    CROSS JOIN LATERAL free_again(
        lately.moments, %(cap_most)s::integer[], %(cap_spans)s::integer[], %(cooldown)s::integer, %(grace)s
    ) free
    CROSS JOIN LATERAL (
        SELECT coalesce(greatest(free.by_caps, free.by_cooldown) > %(at)s::timestamptz, false) AS is_held
    ) held
) told
LEFT JOIN recipient_groups g ON g.id = told.recipient_group
WHERE CASE WHEN %(has_started)s THEN selections <> '{{}}' OR is_held ELSE selections <> '{{}}' AND NOT is_held END
GROUP BY
    selections,
    ARRAY(SELECT date_bin(%(piece)s, moment, 'epoch') FROM unnest(moments) moment ORDER BY moment DESC),
    is_held, places, floor(%(pieces)s::integer * place), g.id
ORDER BY selections, max(moments), avg(place)
