WITH /* alike_people */
-- Of a campaign's people, those who are to get something of others as well, and those who were messaged since it started: how
-- many are in the same of the campaigns %(others)s, and were messaged at the same times: the latest %(most)s times in the
-- span, each up to %(piece)s later than it was, and not ahead. What is being sent is among these. They are in one group of recipients (`groups`), where one of
-- their messages says which. They are beside each other in their lists, as far as these are left: in its own one (`place`) and
-- in those of the others (`places`), each in %(pieces)s pieces, from 0 to 1.
-- Where it %(has_started)s not, whoever is not free when it may leave first, at %(at)s, is planned by that. One of %(every)s is
-- looked at, whoever that is.
own AS MATERIALIZED (
    SELECT theirs.phone, theirs.seq, theirs.recipient_group FROM ({theirs}) theirs
    WHERE (hashtext(theirs.phone) & 2147483647) %% %(every)s::integer = 0
), others AS MATERIALIZED (
    SELECT c.id, c.segment, sum(cl.total - cl.pending) AS done, greatest(1, sum(cl.pending)) AS due
    FROM campaigns c
    JOIN campaign_lanes cl ON cl.campaign_id = c.id
    WHERE c.id = ANY (%(others)s::bigint[])
    GROUP BY c.id
), list AS MATERIALIZED (
    SELECT min(seq) AS first, nullif(max(seq) - min(seq), 0)::float8 AS length FROM own
)
SELECT
    selections,
    moments,
    is_held,
    count(*) * %(every)s::integer AS people,
    avg(place)::float8 AS place,
    places,
    CASE WHEN g.id IS NULL THEN '[]' ELSE jsonb_build_array(jsonb_build_array(g.country, g.zones)) END AS groups
FROM (
    SELECT
        coalesce((own.seq - list.first) / list.length, 0) AS place,
        coalesce(met.places, '{{}}') AS places,
        coalesce(met.campaigns, '{{}}') AS selections,
        greatest(own.recipient_group, met.recipient_group) AS recipient_group,
        ARRAY(
            SELECT least(date_bin(%(piece)s, moment, 'epoch') + %(piece)s, now())
            FROM unnest(lately.moments[1:%(most)s]) moment
            ORDER BY moment DESC
        ) AS moments,
        coalesce(greatest(free.by_caps, free.by_cooldown) > %(at)s::timestamptz, false) AS is_held
    FROM own
    CROSS JOIN list
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
    LEFT JOIN LATERAL (
        SELECT p.moments
        FROM messaged_phones p
        WHERE p.phone = own.phone AND p.moments[1] > now() - make_interval(secs => %(span)s + %(grace)s)
        OFFSET 0
    ) lately ON true
    CROSS JOIN LATERAL free_again(
        lately.moments, %(cap_most)s::integer[], %(cap_spans)s::integer[], %(cooldown)s::integer, %(grace)s
    ) free
) told
LEFT JOIN recipient_groups g ON g.id = told.recipient_group
WHERE CASE WHEN %(has_started)s THEN selections <> '{{}}' OR is_held ELSE selections <> '{{}}' AND NOT is_held END
GROUP BY selections, moments, is_held, places, floor(%(pieces)s::integer * place), g.id
ORDER BY selections, moments, avg(place)
