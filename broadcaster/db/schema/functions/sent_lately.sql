-- What the account of a lane has sent in the latest `seconds`, by bucket of time: by when its outcomes were written, which is
-- no earlier than when the gateway accepted it; and what is being sent. Volatile, as `sending_through` is and for the same
-- reason: with the lane locked it misses nothing that was claimed meanwhile.
CREATE FUNCTION sent_lately(lane integer, seconds double precision, bucket_seconds double precision)
RETURNS TABLE (bucket bigint, n integer) LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    RETURN QUERY
        SELECT floor(extract(epoch FROM sent.moment) / bucket_seconds)::bigint, count(*)::integer
        FROM (
            SELECT a.finished_at AS moment
            FROM public.lanes l
            JOIN public.attempts a ON a.account_id = l.account_id
            WHERE l.id = lane AND a.outcome IN ('accepted', 'rejected', 'unknown')
                AND a.finished_at > now() - make_interval(secs => seconds)
            UNION ALL
            SELECT m.changed_at FROM public.messages m WHERE m.lane_id = lane AND m.state = 'sending'
        ) sent
        GROUP BY 1;
END
$$;
