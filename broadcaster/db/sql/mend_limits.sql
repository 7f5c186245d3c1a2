WITH /* mend_limits */
-- Limits know for how long the gateway may take to accept a message, as the settings have it now (%(grace)s seconds). A
-- place that is said to be free later than any rule allows was reckoned by a clock that has been put back: it is reckoned
-- anew. Locks limits in the order of their ids, as claims do.
stale AS (
    SELECT id
    FROM limits
    WHERE grace_seconds <> %(grace)s
        OR free_at > now() + make_interval(secs => span_seconds + %(grace)s + 3 * bucket_seconds)
    ORDER BY id
    FOR NO KEY UPDATE
)
UPDATE limits l
SET
    grace_seconds = %(grace)s,
    (counts, newest, free_at) = (SELECT a.counts, a.newest, a.free_at FROM limit_after(l, 0, '{}', now()) a)
FROM stale
WHERE l.id = stale.id
