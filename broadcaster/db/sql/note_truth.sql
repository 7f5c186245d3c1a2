-- Counts one more accepted message that was looked for in its chat. What is long ago counts half as much.
UPDATE accounts
SET
    truth_sample = (ARRAY[%(message)s::text] || truth_sample)[:%(kept)s],
    truth_shown = truth_shown / CASE WHEN truth_shown + truth_missing >= %(most)s THEN 2 ELSE 1 END + %(shown)s::int,
    truth_missing = truth_missing / CASE WHEN truth_shown + truth_missing >= %(most)s THEN 2 ELSE 1 END
        + 1 - %(shown)s::int
WHERE id = %(account)s
RETURNING truth_shown, truth_missing
