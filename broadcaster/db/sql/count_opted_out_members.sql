SELECT /* count_opted_out_members */
-- How many of those that an import has staged get no messages through any instance.
    count(*)
FROM imported_members i
WHERE (SELECT true FROM opted_out LIMIT 1)
    AND EXISTS (SELECT FROM opted_out o WHERE o.phone = i.phone AND o.lane_id = 0)
