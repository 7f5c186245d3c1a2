WITH /* written_values */
-- How candidates for conditions write a variable: all of them, or the first %(most)s who have it.
member AS (
    SELECT plain_value(m.variables ->> %(variable)s) AS value, m.phone
    FROM {candidates} m
    WHERE plain_value(m.variables ->> %(variable)s) <> ''
    LIMIT %(most)s
),
read AS (
    SELECT written, n, phone, day_of(written, true) AS by_day, day_of(written, false) AS by_month
    FROM (SELECT left(value, 64) AS written, count(*) AS n, min(phone) AS phone FROM member GROUP BY 1) distinct_ones
)
SELECT
    coalesce(sum(n), 0)::bigint AS filled,
    coalesce(sum(n) FILTER (WHERE by_day IS NOT NULL OR by_month IS NOT NULL), 0)::bigint AS days,
    min(written) FILTER (WHERE by_day IS NOT NULL AND by_month IS NULL) AS day_first,
    min(written) FILTER (WHERE by_day IS NULL AND by_month IS NOT NULL) AS month_first,
    min(written) FILTER (WHERE by_day <> by_month) AS ambiguous,
    min(written) FILTER (WHERE by_day IS NULL AND by_month IS NULL) AS no_day,
    ARRAY(SELECT phone FROM read WHERE by_day IS NULL AND by_month IS NULL ORDER BY written LIMIT 3) AS without_day,
    -- A year of two digits that is more likely one of the last century.
    min(written) FILTER (WHERE written !~ '[0-9]{{4}}' AND coalesce(by_day, by_month) >= 20500000) AS short_year
FROM read
