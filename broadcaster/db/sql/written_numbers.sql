SELECT /* written_numbers */
-- How the members of an audience write the numbers of a variable: an example of each way.
    min(written) FILTER (WHERE with_point IS NOT NULL AND with_comma IS NULL) AS decimal_point,
    min(written) FILTER (WHERE with_point IS NULL AND with_comma IS NOT NULL) AS decimal_comma,
    min(written) FILTER (WHERE with_point <> with_comma) AS either
FROM (
    SELECT written, number_of(written, false) AS with_point, number_of(written, true) AS with_comma
    FROM (
        SELECT DISTINCT trimmed(m.variables ->> %(variable)s) AS written
        FROM audience_members m
        WHERE m.audience_id = %(audience_id)s AND m.variables ->> %(variable)s ~ '[0-9][.,][0-9]'
    ) distinct_ones
) read
