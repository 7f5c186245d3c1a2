SELECT /* alike_month_people */
-- How many people are in the same selections and were messaged at the same times: the latest %(most)s times in the span, each
-- up to %(piece)s later than it was, and not ahead. Those who are free first come first.
selections, moments, count(*) AS people
FROM (
    SELECT
        each_person.selections,
        ARRAY(
            SELECT least(date_bin(%(piece)s, moment, 'epoch') + %(piece)s, now())
            FROM unnest(lately.moments[1:%(most)s]) moment
            ORDER BY moment DESC
        ) AS moments
    FROM (
        SELECT phone, array_agg(selection ORDER BY selection) AS selections FROM month_people GROUP BY phone
    ) each_person
    LEFT JOIN messaged_lately(%(span)s, %(grace)s) lately ON lately.phone = each_person.phone
) told
GROUP BY selections, moments
ORDER BY selections, moments
