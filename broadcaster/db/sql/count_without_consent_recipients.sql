SELECT /* count_without_consent_recipients */
-- How many of an audience who meet the conditions have neither agreed to messages nor opted out from those of all of
-- these lanes.
    count(*)
FROM audience_recipients(
    %(audience_id)s, %(wanted)s::jsonb, %(campaign_variables)s::jsonb, %(template)s::jsonb
) r
WHERE {members}
    AND r.fault IS NULL
    AND NOT EXISTS (
        SELECT FROM (SELECT unnest(forms) AS form FROM consent_records) agreed WHERE agreed.form = r.phone
    )
    AND NOT EXISTS (
        SELECT
        FROM opted_out o
        WHERE o.phone = r.phone AND (o.lane_id = 0 OR %(lanes)s::integer[] = ARRAY[o.lane_id])
    )
