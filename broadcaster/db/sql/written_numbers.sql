WITH /* written_numbers */
-- How candidates for conditions write the numbers of a variable: how many have it, how many of these as no number, and
-- an example of each way.
member AS (
    SELECT plain_value(m.variables ->> %(variable)s) AS value, m.phone
    FROM {candidates} m
    WHERE plain_value(m.variables ->> %(variable)s) <> ''
),
read AS (
    SELECT written, n, phone, number_of(written, false) AS with_point, number_of(written, true) AS with_comma
    FROM (
        SELECT
            -- Digits alone are read in one way, whichever they are.
            CASE WHEN value ~ '^[0-9]+$' AND length(value) <= 100 THEN '0' ELSE left(value, 101) END AS written,
            count(*) AS n,
            min(phone) AS phone
        FROM member
        GROUP BY 1
    ) distinct_ones
)
SELECT
    coalesce(sum(n) FILTER (WHERE with_point IS NULL AND with_comma IS NULL), 0)::bigint AS others,
    min(written) FILTER (WHERE with_point IS NULL AND with_comma IS NULL) AS no_number,
    ARRAY(SELECT phone FROM read WHERE with_point IS NULL AND with_comma IS NULL ORDER BY written LIMIT 3)
        AS without_number,
    min(written) FILTER (WHERE with_point IS NOT NULL AND with_comma IS NULL) AS decimal_point,
    min(written) FILTER (WHERE with_point IS NULL AND with_comma IS NOT NULL) AS decimal_comma,
    min(written) FILTER (WHERE with_point <> with_comma) AS either
FROM read
