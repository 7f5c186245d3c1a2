-- Makes the phones of a new segment unique, but for messages that have numbers of their own. False, and nothing done, where they are not.
-- To try is the quickest way to learn it: the index is needed anyway, and most lists repeat nobody.
CREATE FUNCTION index_segment(campaign bigint) RETURNS boolean LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s ADD UNIQUE (segment, campaign_id, phone, ordinal)', new_segment(campaign));
    RETURN true;
EXCEPTION WHEN unique_violation THEN
    RETURN false;
END
$$;

REVOKE ALL ON FUNCTION index_segment(bigint) FROM PUBLIC;
