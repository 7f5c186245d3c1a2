WITH /* note_reads */
-- What a round of reads says of an account: it is read twice as fast while it answers everything within its second, and
-- half as fast where it does not answer. The next round may begin now, or a second after this one. Time in which it
-- answered nothing is no part of any deadline of its doubts; and those that it left unread are due with its next round, so
-- that all are read as soon as it answers again.
account AS (
    SELECT
        id,
        unreadable_since,
        greatest(%(read_at)s + %(pace)s, CASE WHEN %(failed)s > 0 THEN now() + %(rest)s END) AS next_read_at
    FROM accounts
    WHERE id = %(account)s
    FOR NO KEY UPDATE
), unread AS (
    UPDATE doubts d
    SET
        unreadable_seconds = d.unreadable_seconds + CASE WHEN %(answered)s > 0
            THEN greatest(0, extract(epoch FROM now() - greatest(account.unreadable_since, d.ended_at)))
            ELSE 0
        END,
        next_poll_at = CASE WHEN d.is_unread THEN least(d.next_poll_at, account.next_read_at) ELSE d.next_poll_at END
    FROM account
    WHERE d.account_id = account.id AND d.resolved_as IS NULL
        AND CASE WHEN %(answered)s > 0
            THEN account.unreadable_since IS NOT NULL
            ELSE d.is_unread AND d.next_poll_at > account.next_read_at
        END
)
UPDATE accounts a
SET
    reads_a_second = CASE
        WHEN %(failed)s > 0 THEN greatest(1, a.reads_a_second / 2)
        WHEN %(answered)s >= a.reads_a_second AND now() <= %(read_at)s + %(pace)s THEN least(%(most)s, a.reads_a_second * 2)
        ELSE a.reads_a_second
    END,
    next_read_at = account.next_read_at,
    unreadable_since = CASE WHEN %(answered)s = 0 AND %(failed)s > 0 THEN coalesce(a.unreadable_since, now()) END
FROM account
WHERE a.id = account.id
