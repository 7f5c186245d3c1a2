-- The limit once it was counted anew what whoever it holds for has sent: `counts` messages in `buckets`. What it has counted
-- itself stays, bucket by bucket the larger number: some of that was sent by those for whom it does not hold any more, and
-- left under it all the same. Buckets that do not count any more are dropped.
CREATE FUNCTION with_recount(l limits, buckets bigint[], counts integer[], at timestamptz) RETURNS limits
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    oldest CONSTANT bigint := floor((extract(epoch FROM at) - l.span_seconds - l.grace_seconds) / l.bucket_seconds);
BEGIN
    SELECT coalesce(array_agg(coalesce(known.n, 0) ORDER BY each.bucket DESC), '{}'), coalesce(max(each.bucket), l.newest)
    INTO l.counts, l.newest
    FROM (
        SELECT min(found.bucket) AS first, max(found.bucket) AS last
        FROM (
            SELECT unnest(buckets) AS bucket
            UNION ALL
            SELECT l.newest - place + 1 FROM generate_subscripts(l.counts, 1) AS place
        ) found
        WHERE found.bucket >= oldest
    ) span
    CROSS JOIN LATERAL generate_series(span.first, span.last) AS each (bucket)
    LEFT JOIN LATERAL (
        SELECT max(told.n) AS n
        FROM (
            SELECT again.n FROM unnest(buckets, with_recount.counts) AS again (bucket, n) WHERE again.bucket = each.bucket
            UNION ALL
            SELECT l.counts[(l.newest - each.bucket + 1)::integer]
        ) told
    ) known ON true;
    RETURN l;
END
$$;
