SELECT /* count_undecided_recipients */
-- How many of an audience who meet the conditions have one of these phones, and have not opted out from the messages of
-- all of these lanes.
    count(*)
FROM audience_recipients(
    %(audience_id)s, %(wanted)s::jsonb, %(campaign_variables)s::jsonb, %(template)s::jsonb
) r
WHERE {members}
    AND r.fault IS NULL
    AND r.phone = ANY (%(phones)s::text[])
    AND NOT EXISTS (
        SELECT
        FROM opted_out o
        WHERE o.phone = r.phone AND (o.lane_id = 0 OR %(lanes)s::integer[] = ARRAY[o.lane_id])
    )
