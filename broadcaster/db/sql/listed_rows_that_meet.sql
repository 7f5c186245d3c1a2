SELECT /* listed_rows_that_meet */
-- The rows of a file that meet the conditions, or the first %(most)s of them. What campaigns know of a phone holds for all
-- of its rows, and a phone that cannot be used is known to none.
r.seq
FROM (
    SELECT l.seq, l.variables AS own, known.leaves AS known
    FROM listed_rows l
    LEFT JOIN (
        SELECT k.phone, array_agg(DISTINCT k.leaf) AS leaves
        FROM known_of_members(
            NULL,
            CASE WHEN %(wanted)s::jsonb IS NOT NULL THEN ARRAY(SELECT DISTINCT phone FROM listed_rows) END,
            coalesce(%(wanted)s::jsonb, '[]')
        ) k
        GROUP BY k.phone
    ) known ON known.phone = l.phone
) r
WHERE {members}
LIMIT %(most)s
