-- What campaigns have sent in the latest `seconds`, by bucket of time, as `sent_lately` has it of a lane; and what is being
-- sent of them. Volatile for the same reason.
CREATE FUNCTION sent_by_campaigns(campaigns bigint[], seconds double precision, bucket_seconds double precision)
RETURNS TABLE (bucket bigint, n integer) LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    RETURN QUERY
        SELECT floor(extract(epoch FROM sent.moment) / bucket_seconds)::bigint, count(*)::integer
        FROM (
            SELECT a.finished_at AS moment
            FROM public.accounts k
            JOIN public.attempts a ON a.account_id = k.id
            WHERE a.campaign_id = ANY (campaigns) AND a.outcome IN ('accepted', 'rejected', 'unknown')
                AND a.finished_at > now() - make_interval(secs => seconds)
            UNION ALL
            SELECT m.changed_at
            FROM public.campaign_lanes cl
            JOIN public.messages m ON m.lane_id = cl.lane_id AND m.campaign_id = cl.campaign_id AND m.state = 'sending'
            WHERE cl.campaign_id = ANY (campaigns) AND cl.open
        ) sent
        GROUP BY 1;
END
$$;
