WITH /* clock_step */
-- Whether the database's clock has been stepped since the last `recover` tick, as far as the ticks tell.
-- back: by how many seconds it was put back: a tick lies, or lay when it was next done, in the future.
-- gap: seconds that passed between two `recover` ticks beyond their period, where they are more than a busy machine may
-- take. Either nobody ran, or the clock was put forward; which of them it was cannot be told.
-- The rows are kept until the transaction ends, so that two workers do not mend the same step twice.
seen AS (
    SELECT name, period_seconds, put_back_seconds, extract(epoch FROM clock_timestamp() - done_at) AS age
    FROM ticks
    ORDER BY name
    FOR UPDATE
)
SELECT
    coalesce(max(greatest(put_back_seconds, -age)) FILTER (WHERE put_back_seconds > 0 OR age < -1), 0)::double precision
        AS back,
    coalesce(max(age - period_seconds) FILTER (WHERE name = 'recover' AND age > 15), 0)::double precision
        AS gap
FROM seen
