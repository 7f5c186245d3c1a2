WITH /* alike_people */
-- Of a campaign's people, those who are to get something of others as well, and those who were messaged since it started: how
-- many are in the same of the campaigns %(others)s, and were messaged at the same times: the latest %(most)s times in the
-- span, each up to %(piece)s later than it was, and not ahead. Where it %(has_started)s not, whoever is not free when it
-- may leave first, at %(at)s, is planned by that. One of %(every)s is looked at, whoever that is.
own AS MATERIALIZED (
    SELECT theirs.phone FROM ({theirs}) theirs
    WHERE (hashtext(theirs.phone) & 2147483647) %% %(every)s::integer = 0
), others AS MATERIALIZED (
    SELECT c.id, c.segment FROM campaigns c WHERE c.id = ANY (%(others)s::bigint[])
)
SELECT selections, moments, count(*) * %(every)s::integer AS people
FROM (
    SELECT
        coalesce(met.campaigns, '{{}}') AS selections,
        ARRAY(
            SELECT least(date_bin(%(piece)s, moment, 'epoch') + %(piece)s, now())
            FROM unnest(lately.moments[1:%(most)s]) moment
            ORDER BY moment DESC
        ) AS moments,
        coalesce(greatest(free.by_caps, free.by_cooldown) > %(at)s::timestamptz, false) AS is_held
    FROM own
    CROSS JOIN LATERAL (
        SELECT array_agg(others.id ORDER BY others.id) AS campaigns
        FROM others
        CROSS JOIN LATERAL ( -- by key
            SELECT FROM messages m
            WHERE m.segment = others.segment AND m.campaign_id = others.id AND m.phone = own.phone
                AND m.state IN ('pending', 'sending')
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
WHERE CASE WHEN %(has_started)s THEN selections <> '{{}}' OR is_held ELSE selections <> '{{}}' AND NOT is_held END
GROUP BY selections, moments
ORDER BY selections, moments
