-- Removes a campaign of which nothing has left, as if it had not been; returns how many messages it had. Its tests stay:
-- they have left. Commands may not delete evidence, so this runs as the owner of the schema and looks for itself.
-- A message that a claim has taken meanwhile is not deleted, and keeps the campaign. The messages go before the counters,
-- as everywhere. It waits for no lock for longer than others can wait behind it: the caller tries again.
CREATE FUNCTION remove_campaign(campaign bigint) RETURNS bigint LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp SET lock_timeout = '250ms' AS $$
DECLARE
    removed campaigns;
    files bigint[];
    gone bigint;
    refusal text;
BEGIN
    -- Before anything else is locked, in the order of those who forget somebody and of those who store a content.
    PERFORM pg_advisory_xact_lock(hashtextextended('forgotten_phones', 0));
    SELECT * INTO removed FROM campaigns c WHERE c.id = campaign FOR UPDATE;
    refusal := CASE
        WHEN removed.id IS NULL THEN 'there is none'
        WHEN removed.state NOT IN ('draft', 'scheduled', 'paused') THEN format('it is %s', removed.state)
        WHEN EXISTS (SELECT FROM occurrences o WHERE o.campaign_id = campaign) THEN 'a schedule has made it'
    END;
    IF refusal IS NULL THEN
        DELETE FROM messages m WHERE m.segment = removed.segment AND m.campaign_id = campaign AND m.attempt = 0;
        GET DIAGNOSTICS gone = ROW_COUNT;
        IF EXISTS (SELECT FROM messages m WHERE m.segment = removed.segment AND m.campaign_id = campaign) THEN
            refusal := 'something of it has left';
        END IF;
    END IF;
    IF refusal IS NOT NULL THEN
        RAISE EXCEPTION USING
            ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = format('campaign %s stays: %s', coalesce(removed.name, campaign::text, 'null'), refusal),
            DETAIL = refusal;
    END IF;
    SELECT array_agg(content_id) INTO files
    FROM (
        SELECT f.content_id FROM campaign_files f WHERE f.campaign_id = campaign
        UNION
        SELECT v.content_id FROM content_versions v WHERE v.campaign_id = campaign
    ) sent;
    UPDATE campaigns c SET test_of = c.id WHERE c.test_of = campaign;
    DELETE FROM lane_moves moved WHERE moved.campaign_id = campaign;
    DELETE FROM campaigns c WHERE c.id = campaign;
    PERFORM delete_unused_files(files);
    IF removed.segment <> 0 THEN
        EXECUTE format('DROP TABLE IF EXISTS public.messages_%1$s, public.attempts_%1$s', campaign);
    END IF;
    RETURN gone;
END
$$;

REVOKE ALL ON FUNCTION remove_campaign(bigint) FROM PUBLIC;
