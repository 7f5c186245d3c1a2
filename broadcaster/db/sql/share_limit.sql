WITH /* share_limit */
-- Limit %(limit)s holds for lane %(lane)s too. Unless it held for the lane already, it counts anew what the accounts of all its
-- lanes have sent in the latest span: what the lane sent when it was one of them before is in the counts, and what it
-- sent since is not. What lanes sent that have left stays counted. The caller has locked the lane and the limit, so that
-- nobody counts meanwhile.
joined AS (
    INSERT INTO lane_limits (lane_id, limit_id) VALUES (%(lane)s, %(limit)s)
    ON CONFLICT DO NOTHING
    RETURNING lane_id, limit_id
), past AS (
    SELECT sent.bucket, sum(sent.n)::integer AS n
    FROM joined
    JOIN limits l ON l.id = joined.limit_id
    CROSS JOIN LATERAL (
        SELECT joined.lane_id
        UNION
        SELECT ll.lane_id FROM lane_limits ll WHERE ll.limit_id = joined.limit_id
    ) of_limit
    CROSS JOIN LATERAL sent_lately(of_limit.lane_id, l.span_seconds + l.grace_seconds, l.bucket_seconds) sent
    GROUP BY sent.bucket
), recount AS (
    SELECT coalesce(array_agg(bucket), '{}') AS buckets, coalesce(array_agg(n), '{}') AS counts FROM past
)
UPDATE limits l
SET (counts, newest) = (
    SELECT again.counts, again.newest FROM with_recount(l, recount.buckets, recount.counts, now()) again
)
FROM recount
WHERE l.id = %(limit)s AND EXISTS (SELECT FROM joined)
