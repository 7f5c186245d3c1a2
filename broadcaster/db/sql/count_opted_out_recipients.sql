SELECT /* count_opted_out_recipients */
-- How many of an audience who meet the conditions have opted out from the messages of all of these lanes.
    count(*)
FROM audience_recipients(
    %(audience_id)s, %(wanted)s::jsonb, %(campaign_variables)s::jsonb, %(template)s::jsonb
) r
WHERE {members}
    AND r.fault IS NULL
    AND (SELECT true FROM opted_out LIMIT 1)
    AND r.phone IN (
        SELECT phone
        FROM opted_out
        WHERE lane_id = 0 OR %(lanes)s::integer[] = ARRAY[lane_id]
    )
