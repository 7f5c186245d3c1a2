SELECT /* count_undecided_of_rest */
-- How many of the rest of a campaign have one of these phones, and have not opted out from the messages of all of these
-- lanes.
    count(*)
FROM recipient_snapshot s
WHERE s.fault IS NULL
    AND s.phone = ANY (%(phones)s::text[])
    AND NOT EXISTS (
        SELECT
        FROM opted_out o
        WHERE o.phone = s.phone AND (o.lane_id = 0 OR %(lanes)s::integer[] = ARRAY[o.lane_id])
    )
