SELECT /* alike_month_people */
-- How many people are in the same selections and were messaged at the same times: the latest %(most)s times in the span, each
-- within %(piece)s; told are those of whom was messaged last. Those who are free first come first.
selections, max(moments) AS moments, count(*) AS people
FROM (
    SELECT
        each_person.selections,
        coalesce(lately.moments[1:%(most)s], '{}') AS moments
    FROM (
        SELECT phone, array_agg(selection ORDER BY selection) AS selections FROM month_people GROUP BY phone
    ) each_person
    LEFT JOIN messaged_lately(%(span)s, %(grace)s) lately ON lately.phone = each_person.phone
) told
GROUP BY selections, ARRAY(SELECT date_bin(%(piece)s, moment, 'epoch') FROM unnest(moments) moment ORDER BY moment DESC)
ORDER BY selections, max(moments)
