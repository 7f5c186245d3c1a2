SELECT /* repeated_beginnings */
-- How many rows of an import have a phone that is on an earlier one, too, by the first digits of it.
    left(phone, %(digits)s) AS beginning,
    sum(repeats)::bigint AS repeats
FROM (SELECT phone, count(*) - 1 AS repeats FROM staged_members GROUP BY phone HAVING count(*) > 1) repeated
GROUP BY beginning
