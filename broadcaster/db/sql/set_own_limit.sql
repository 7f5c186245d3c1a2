WITH /* set_own_limit */
-- Lane %(lane)s may send %(most)s messages in any %(span)s seconds, which is the first step of the %(ramp)s where that is
-- not empty. What its account has sent in the latest span counts. A limit over this span that is there already keeps its
-- counts, and a ramp its step. The caller has locked the lane: nothing is claimed meanwhile.
past AS (
    SELECT bucket, n FROM sent_lately(%(lane)s, %(span)s + %(grace)s, %(bucket)s)
), newest AS (
    SELECT coalesce(max(bucket), 0) AS bucket FROM past
), own AS (
    INSERT INTO limits AS l (lane_id, most, span_seconds, bucket_seconds, grace_seconds, ramp, counts, newest)
    SELECT
        %(lane)s,
        %(most)s,
        %(span)s,
        %(bucket)s,
        %(grace)s,
        %(ramp)s::int[],
        ARRAY(
            SELECT coalesce((SELECT n FROM past WHERE past.bucket = each.bucket), 0)
            FROM generate_series(newest.bucket, (SELECT min(bucket) FROM past), -1) AS each (bucket)
        ),
        newest.bucket
    FROM newest
    ON CONFLICT (lane_id, span_seconds, ramp) DO UPDATE SET most = CASE WHEN l.ramp = '{}' THEN excluded.most ELSE l.most END
    RETURNING id
), held AS (
    INSERT INTO lane_limits (lane_id, limit_id)
    SELECT %(lane)s, id FROM own
    ON CONFLICT DO NOTHING
)
SELECT id FROM own
