-- Whether every message of the campaign is final. Volatile: it sees what is committed when it is called, not when the
-- statement began that calls it.
CREATE FUNCTION campaign_balances(campaign bigint) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    RETURN NOT EXISTS (
        SELECT FROM public.campaign_lanes cl
        WHERE cl.campaign_id = campaign AND cl.pending + cl.sending + cl.in_doubt > 0
    );
END
$$;
