SELECT /* span_of_days */
-- The first and the last day that candidates for conditions have in a variable.
    to_char(min(day), 'FM0000-00-00') AS least, to_char(max(day), 'FM0000-00-00') AS largest
FROM (
    SELECT member_day(m.variables, %(variable)s, %(day_first)s) AS day
    FROM {candidates} m
) member
