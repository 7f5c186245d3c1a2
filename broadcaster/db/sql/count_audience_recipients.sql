SELECT /* count_audience_recipients */
-- How many of an audience meet the conditions, and how many of those can be sent nothing: by the beginnings of phones,
-- which tell their countries (domain/phone_countries.py).
left(r.phone, 6) AS beginning, count(*) AS members, count(r.fault) AS faulty
FROM audience_recipients(
    %(audience_id)s, %(wanted)s::jsonb, %(campaign_variables)s::jsonb, %(template)s::jsonb
) r
WHERE {members}
GROUP BY beginning
