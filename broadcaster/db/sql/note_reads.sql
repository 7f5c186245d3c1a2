WITH /* note_reads */
-- What a round of reads says of an account: it is read twice as fast while it answers everything within its second, and
-- half as fast where it does not answer. The next round may begin now, or a second after this one. Time in which it answered nothing is no part of any deadline of its doubts.
account AS (
    SELECT id, unreadable_since FROM accounts WHERE id = %(account)s FOR NO KEY UPDATE
), readable AS (
    UPDATE doubts d
    SET unreadable_seconds = d.unreadable_seconds
        + greatest(0, extract(epoch FROM now() - greatest(account.unreadable_since, d.ended_at)))
    FROM account
    WHERE d.account_id = account.id AND d.resolved_as IS NULL AND account.unreadable_since IS NOT NULL
        AND %(answered)s > 0
)
UPDATE accounts a
SET
    reads_a_second = CASE
        WHEN %(failed)s > 0 THEN greatest(1, a.reads_a_second / 2)
        WHEN %(answered)s >= a.reads_a_second AND now() <= %(read_at)s + %(pace)s THEN least(%(most)s, a.reads_a_second * 2)
        ELSE a.reads_a_second
    END,
    next_read_at = greatest(%(read_at)s + %(pace)s, CASE WHEN %(failed)s > 0 THEN now() + %(rest)s END),
    unreadable_since = CASE WHEN %(answered)s = 0 AND %(failed)s > 0 THEN coalesce(a.unreadable_since, now()) END
FROM account
WHERE a.id = account.id
