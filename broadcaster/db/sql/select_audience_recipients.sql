SELECT /* select_audience_recipients */
-- Those of an audience who meet the conditions, in the order of phones.
r.phone, r.variables
FROM audience_recipients(
    %(audience_id)s, %(wanted)s::jsonb, %(campaign_variables)s::jsonb, %(template)s::jsonb
) r
WHERE {members}
ORDER BY r.phone
