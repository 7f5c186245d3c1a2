-- The day that a purge waits is counted from when the campaign ended, and so nobody sets that back.
CREATE FUNCTION refuse_backdating() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF NEW.finished_at < now() THEN
        RAISE EXCEPTION USING
            ERRCODE = 'check_violation',
            MESSAGE = format('campaign %s cannot have ended at %s: that is past', NEW.id, NEW.finished_at);
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER refuse_backdating BEFORE UPDATE OF finished_at ON campaigns
    FOR EACH ROW WHEN (NEW.finished_at IS DISTINCT FROM OLD.finished_at AND NEW.finished_at < now())
    EXECUTE FUNCTION refuse_backdating();
