-- The table of messages of a segment that is being filled: no partition yet.
CREATE FUNCTION new_segment(campaign bigint) RETURNS regclass LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    segment regclass;
BEGIN
    SELECT c.oid INTO segment
    FROM pg_class c
    JOIN pg_constraint new ON new.conrelid = c.oid AND new.conname = 'new'
    WHERE c.relnamespace = 'public'::regnamespace AND c.relname = 'messages_' || campaign
        AND c.relkind = 'r' AND NOT c.relispartition
        AND c.relowner = (SELECT relowner FROM pg_class WHERE oid = 'messages'::regclass);
    IF NOT FOUND THEN
        RAISE EXCEPTION USING
            ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = 'no segment is being filled for campaign ' || coalesce(campaign::text, 'null');
    END IF;
    RETURN segment;
END
$$;
