DELETE /* purge_messaged_phones */
-- Whoever was not messaged within the span that is kept is removed, at most %(most)s people at once; where nothing is kept,
-- everybody. Whoever is being claimed for is left for later.
FROM messaged_phones p
USING (
    SELECT old.phone
    FROM messaged_phones old
    WHERE NOT EXISTS (
        SELECT FROM frequency_records f
        WHERE old.moments[1] > now() - make_interval(secs => f.span_seconds + f.grace_seconds)
    )
    LIMIT %(most)s
    FOR UPDATE SKIP LOCKED
) old
WHERE p.phone = old.phone
