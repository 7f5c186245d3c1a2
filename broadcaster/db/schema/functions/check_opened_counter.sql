-- A counter that opens: its campaign must not be finished.
CREATE FUNCTION check_opened_counter() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM refuse_finished(NEW.campaign_id);
    RETURN NULL;
END
$$;

-- Counters change with each statement over messages, and open next to never: the others are told apart without a call.
CREATE TRIGGER check_opened AFTER UPDATE ON campaign_lanes
    FOR EACH ROW WHEN (NEW.open AND (NOT OLD.open OR NEW.campaign_id <> OLD.campaign_id))
    EXECUTE FUNCTION check_opened_counter();
