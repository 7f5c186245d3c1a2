SELECT /* span_of_numbers */
-- The least and the largest number that candidates for conditions have in a variable.
    trim_scale(min(number))::text AS least, trim_scale(max(number))::text AS largest
FROM (
    SELECT member_number(m.variables, %(variable)s, %(decimal_comma)s) AS number
    FROM {candidates} m
) member
