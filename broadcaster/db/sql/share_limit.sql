WITH /* share_limit */
-- Limit %(limit)s holds for lane %(lane)s too. Unless it held for the lane already, it counts anew what the accounts of all its
-- lanes have sent in the latest span, as `set_own_limit` does: what the lane sent when it was one of them before is in
-- the counts, and what it sent since is not. The caller has locked the lane and the limit, so that nobody counts meanwhile.
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
), newest AS (
    SELECT coalesce(max(bucket), 0) AS bucket FROM past
)
UPDATE limits l
SET
    counts = ARRAY(
        SELECT coalesce((SELECT n FROM past WHERE past.bucket = each.bucket), 0)
        FROM generate_series(newest.bucket, (SELECT min(bucket) FROM past), -1) AS each (bucket)
    ),
    newest = newest.bucket
FROM newest
WHERE l.id = %(limit)s AND EXISTS (SELECT FROM joined)
