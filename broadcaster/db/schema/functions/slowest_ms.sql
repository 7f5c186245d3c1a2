-- Under which bound a duration is counted in attempt_hours, in milliseconds: the least that it does not exceed; the greatest
-- integer: it exceeds all of them; 0: nobody measured it. A request that times out lasts a little longer than it may, so
-- the bounds go on beyond the usual timeouts.
CREATE FUNCTION slowest_ms(duration_ms integer) RETURNS integer LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(
        (ARRAY[10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 30000, 60000, 120000, 300000, 2147483647])[
            1 + width_bucket(
                duration_ms,
                ARRAY[11, 21, 51, 101, 201, 501, 1001, 2001, 5001, 10001, 30001, 60001, 120001, 300001]
            )
        ],
        0
    )
$$;
