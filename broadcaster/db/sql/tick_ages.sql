SELECT /* tick_ages */
-- For how many seconds each tick has not been done. One that lies in the future was noted by a clock that has been put
-- back since: nobody knows how old it is.
    name,
    period_seconds AS period,
    CASE WHEN NOT seen.put_back THEN greatest(seen.age, 0) END AS age,
    seen.put_back
FROM ticks
CROSS JOIN LATERAL (SELECT extract(epoch FROM clock_timestamp() - done_at)::double precision AS age) read
CROSS JOIN LATERAL (SELECT read.age, read.age < -1 AS put_back) seen
ORDER BY ticks.period_seconds, name
