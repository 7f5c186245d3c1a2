WITH /* share_limit */
-- Limit %(limit)s holds for lane %(lane)s too. What the lane's account has sent in the latest span counts for it, as in
-- `set_own_limit`, unless it held for the lane already. The caller has locked the lane and the limit.
joined AS (
    INSERT INTO lane_limits (lane_id, limit_id) VALUES (%(lane)s, %(limit)s)
    ON CONFLICT DO NOTHING
    RETURNING lane_id, limit_id
), past AS (
    SELECT sent.bucket, sent.n
    FROM joined
    JOIN limits l ON l.id = joined.limit_id
    CROSS JOIN LATERAL sent_lately(joined.lane_id, l.span_seconds + l.grace_seconds, l.bucket_seconds) sent
), newest AS (
    SELECT greatest(l.newest, (SELECT max(bucket) FROM past)) AS bucket
    FROM limits l
    WHERE l.id = %(limit)s
)
UPDATE limits l
SET
    counts = ARRAY(
        SELECT coalesce(l.counts[l.newest - each.bucket + 1], 0)
            + coalesce((SELECT n FROM past WHERE past.bucket = each.bucket), 0)
        FROM generate_series(
            newest.bucket,
            greatest( -- no further back than counts, however long nothing was counted
                least(l.newest - cardinality(l.counts) + 1, (SELECT min(bucket) FROM past)),
                newest.bucket - ceil((l.span_seconds + l.grace_seconds) / l.bucket_seconds)::bigint - 1
            ),
            -1
        ) AS each (bucket)
    ),
    newest = newest.bucket
FROM newest
WHERE l.id = %(limit)s AND EXISTS (SELECT FROM past)
