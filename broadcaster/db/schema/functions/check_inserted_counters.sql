-- The same for counters that are open when they come.
CREATE FUNCTION check_inserted_counters() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM refuse_finished(opened.campaign_id)
    FROM (SELECT DISTINCT campaign_id FROM new_rows WHERE open ORDER BY campaign_id) opened;
    RETURN NULL;
END
$$;

CREATE TRIGGER check_inserted AFTER INSERT ON campaign_lanes
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION check_inserted_counters();
