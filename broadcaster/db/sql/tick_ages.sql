-- For how many seconds each tick has not been done.
SELECT name, period_seconds, extract(epoch FROM clock_timestamp() - done_at)::double precision AS age_seconds
FROM ticks
ORDER BY period_seconds, name
