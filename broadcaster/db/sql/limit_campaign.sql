WITH /* limit_campaign */
-- Limit %(limit)s holds for campaign %(campaign_id)s too, which has sent something by now. Unless it held already, it counts
-- anew what all of its campaigns have sent in the latest span, as `share_limit` does with lanes, and keeps what others
-- have sent that have left. The caller has locked the
-- campaign while it is not running, its lanes, so that no claim of it is under way, and the limit, so that nobody counts
-- meanwhile.
joined AS (
    INSERT INTO campaign_limits (campaign_id, limit_id) VALUES (%(campaign_id)s, %(limit)s)
    ON CONFLICT DO NOTHING
    RETURNING campaign_id, limit_id
), past AS (
    SELECT sent.bucket, sent.n
    FROM joined
    JOIN limits l ON l.id = joined.limit_id
    CROSS JOIN LATERAL sent_by_campaigns(
        joined.campaign_id || ARRAY(SELECT cl.campaign_id FROM campaign_limits cl WHERE cl.limit_id = joined.limit_id),
        l.span_seconds + l.grace_seconds,
        l.bucket_seconds
    ) sent
), recount AS (
    SELECT coalesce(array_agg(bucket), '{}') AS buckets, coalesce(array_agg(n), '{}') AS counts FROM past
)
UPDATE limits l
SET (counts, newest) = (
    SELECT again.counts, again.newest FROM with_recount(l, recount.buckets, recount.counts, now()) again
)
FROM recount
WHERE l.id = %(limit)s AND EXISTS (SELECT FROM joined)
