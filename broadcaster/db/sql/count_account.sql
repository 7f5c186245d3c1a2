WITH /* count_account */
-- Lane %(lane)s sends through account %(account)s from its next lease on. What that has sent lately, through whatever lane,
-- counts in all limits of the lane, beside what they count already; and its next message waits for the pace at which the
-- account was sent through before. The caller has locked the lane. Locks limits in the order of their ids, as claims do.
paced AS (
    UPDATE lanes
    SET clock = greatest(clock, (SELECT max(before.clock) FROM lanes before WHERE before.account_id = %(account)s))
    WHERE id = %(lane)s
), held AS (
    SELECT l.*
    FROM (SELECT limit_id FROM lane_limits WHERE lane_id = %(lane)s ORDER BY limit_id) of_lane
    CROSS JOIN LATERAL (SELECT * FROM limits WHERE id = of_lane.limit_id FOR NO KEY UPDATE) l
), recount AS (
    SELECT held.id, array_agg(sent.bucket) AS buckets, array_agg(sent.n) AS counts
    FROM held
    CROSS JOIN LATERAL (
        SELECT s.bucket, sum(s.n)::integer AS n
        FROM (
            SELECT %(account)s AS account_id
            UNION
            SELECT other.account_id
            FROM lane_limits ll
            JOIN lanes other ON other.id = ll.lane_id
            WHERE ll.limit_id = held.id AND ll.lane_id <> %(lane)s
        ) of_limit
        CROSS JOIN LATERAL sent_through(
            of_limit.account_id, held.span_seconds + held.grace_seconds, held.bucket_seconds
        ) s
        GROUP BY s.bucket
    ) sent
    GROUP BY held.id
)
UPDATE limits l
SET (counts, newest, free_at) = (
    SELECT a.counts, a.newest, a.free_at
    FROM with_recount(l, recount.buckets, recount.counts, now()) again
    CROSS JOIN LATERAL limit_after(again, 0, '{}', now()) a
)
FROM recount
WHERE l.id = recount.id
