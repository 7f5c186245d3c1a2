-- What the account of a lane has sent in the latest `seconds`, as `sent_through` has it.
CREATE FUNCTION sent_lately(lane integer, seconds double precision, bucket_seconds double precision)
RETURNS TABLE (bucket bigint, n integer) LANGUAGE sql VOLATILE AS $$
    SELECT sent.bucket, sent.n
    FROM public.lanes l
    CROSS JOIN LATERAL public.sent_through(l.account_id, seconds, bucket_seconds) sent
    WHERE l.id = lane
$$;
