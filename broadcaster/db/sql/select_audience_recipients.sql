SELECT /* select_audience_recipients */
-- Those of an audience who meet the conditions, in the order of phones.
r.phone, r.variables
FROM audience_recipients(
    %(audience_id)s, %(conditions)s::jsonb, %(campaign_variables)s::jsonb, %(template)s::jsonb
) r
ORDER BY r.phone
