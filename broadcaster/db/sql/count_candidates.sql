SELECT /* count_candidates */
-- How many candidates are not left out.
count(*)
FROM candidates
WHERE reason IS NULL
