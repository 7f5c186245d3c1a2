UPDATE /* note_truth */
-- Counts one more accepted message that was looked for in its chat. What is long ago counts half as much. After one that
-- was not there the next look comes within 2 s, five times in a row at most: a gateway that lies is known the sooner.
accounts
SET
    truth_sample = (ARRAY[%(message)s::text] || truth_sample)[:%(kept)s],
    truth_shown = truth_shown / CASE WHEN truth_shown + truth_missing >= %(most)s THEN 2 ELSE 1 END + %(shown)s::int,
    truth_missing = truth_missing / CASE WHEN truth_shown + truth_missing >= %(most)s THEN 2 ELSE 1 END
        + 1 - %(shown)s::int,
    next_truth_at = CASE
        WHEN %(shown)s OR truth_missing %% 6 = 5 THEN next_truth_at
        ELSE least(next_truth_at, now() + interval '2 s')
    END
WHERE id = %(account)s
RETURNING truth_shown AS shown, truth_missing AS missing
