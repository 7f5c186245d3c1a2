SELECT /* sample_audience_recipients */
-- The first few whom a campaign over an audience would go to, or one of them.
r.phone, r.variables, r.fault
FROM audience_recipients(
    %(audience_id)s, %(wanted)s::jsonb, %(campaign_variables)s::jsonb, %(template)s::jsonb
) r
WHERE CASE WHEN %(phone)s::text IS NULL THEN (r.fault IS NOT NULL) = %(faulty)s ELSE r.phone = %(phone)s::text END
    AND {members}
ORDER BY r.phone
LIMIT %(most)s
