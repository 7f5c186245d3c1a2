SELECT /* count_opted_out_already */
-- How many of the staged numbers get no messages of a lane already (0: of any), and how many numbers are staged.
    count(DISTINCT s.phone) FILTER (WHERE EXISTS (
        SELECT FROM opted_out o WHERE o.phone = s.phone AND o.lane_id IN (0, %(lane_id)s::integer)
    )) AS already,
    count(DISTINCT s.phone) AS numbers
FROM staged_opt_outs s
