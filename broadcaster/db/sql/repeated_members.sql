SELECT /* repeated_members */
-- The first rows of an import whose phone is on an earlier one, too, each with that one.
    s.seq, first.seq AS first
FROM staged_members s
JOIN (SELECT phone, min(seq) AS seq FROM staged_members GROUP BY phone HAVING count(*) > 1) first USING (phone)
WHERE s.seq > first.seq
ORDER BY s.seq
LIMIT %(most)s
