-- What an account has sent in the latest `seconds`, by bucket of time: by when its outcomes were written, which is no earlier
-- than when the gateway accepted it; and what is being sent through it. Volatile, as `sending_through` is and for the
-- same reason: with its lane locked it misses nothing that was claimed meanwhile.
CREATE FUNCTION sent_through(account integer, seconds double precision, bucket_seconds double precision)
RETURNS TABLE (bucket bigint, n integer) LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    RETURN QUERY
        SELECT floor(extract(epoch FROM sent.moment) / bucket_seconds)::bigint, count(*)::integer
        FROM (
            SELECT a.finished_at AS moment
            FROM public.attempts a
            WHERE a.account_id = account AND a.outcome IN ('accepted', 'rejected', 'unknown')
                AND a.finished_at > now() - make_interval(secs => seconds)
            UNION ALL
            SELECT m.changed_at
            FROM public.lanes l
            JOIN public.messages m ON m.lane_id = l.id AND m.state = 'sending'
            WHERE l.account_id = account
        ) sent
        GROUP BY 1;
END
$$;
