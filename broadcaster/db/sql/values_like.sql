SELECT /* values_like */
-- What candidates for conditions have for a variable, folded, with an example as it is written: the %(most)s that are
-- most like a folded text by their length and first letter, and of those the most frequent ones first.
    folded, min(written) AS written, count(*) OVER () AS distinct_values
FROM (
    SELECT folded_value(m.variables ->> %(variable)s) AS folded, m.variables ->> %(variable)s AS written
    FROM {candidates} m
    WHERE m.variables ? %(variable)s
) member
WHERE folded <> ''
GROUP BY folded
ORDER BY
    abs(length(folded) - length(folded_value(%(wanted)s))) <= 2 DESC,
    left(folded, 1) = left(folded_value(%(wanted)s), 1) DESC,
    count(*) DESC,
    folded
LIMIT %(most)s
