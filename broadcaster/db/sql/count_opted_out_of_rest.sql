SELECT /* count_opted_out_of_rest */
-- How many of the rest of a campaign have opted out from the messages of all of these lanes.
    count(*)
FROM recipient_snapshot s
WHERE s.fault IS NULL AND s.phone IN (
    SELECT phone
    FROM opted_out
    WHERE lane_id = 0 OR %(lanes)s::integer[] = ARRAY[lane_id]
)
