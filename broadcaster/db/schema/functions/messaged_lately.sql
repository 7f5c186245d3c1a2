-- When each person was messaged in the latest `seconds` and the grace, the latest first: as claims keep it, or, where
-- they do not, by the history. For looking ahead; the claim decides.
CREATE FUNCTION messaged_lately(seconds integer, grace double precision)
RETURNS TABLE (phone text, moments timestamptz[]) LANGUAGE plpgsql STABLE ROWS 100000 AS $$
DECLARE
    beginning CONSTANT timestamptz := now() - make_interval(secs => seconds + grace);
BEGIN
    IF EXISTS (
        SELECT FROM public.frequency_records f
        WHERE f.span_seconds >= seconds AND f.since <= beginning
    ) THEN
        RETURN QUERY SELECT p.phone, p.moments FROM public.messaged_phones p WHERE p.moments[1] > beginning;
    ELSE
        RETURN QUERY
            SELECT h.phone, array_agg(h.moment ORDER BY h.moment DESC)
            FROM (
                SELECT b.phone, b.moment FROM public.messaged_between(beginning, 'infinity') b
                UNION ALL
                SELECT m.phone, m.changed_at FROM public.messages m WHERE m.state = 'sending' AND m.phone IS NOT NULL
            ) h
            GROUP BY h.phone;
    END IF;
END
$$;
