-- Under which bound a duration is counted in attempt_hours, in milliseconds: the least that it does not exceed; 0: nobody
-- measured it.
CREATE FUNCTION slowest_ms(duration_ms integer) RETURNS integer LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(
        (ARRAY[10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 30000, 86400000])[
            1 + width_bucket(duration_ms, ARRAY[11, 21, 51, 101, 201, 501, 1001, 2001, 5001, 10001, 30001])
        ],
        0
    )
$$;
