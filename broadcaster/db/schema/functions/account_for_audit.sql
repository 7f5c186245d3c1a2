-- What is kept of an instance's account besides its number: its URL, or where the other one has the same, that the key is
-- another.
CREATE FUNCTION account_for_audit(of jsonb, other jsonb) RETURNS jsonb LANGUAGE sql STABLE
SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT CASE
        WHEN a.base_url = (SELECT b.base_url FROM accounts b WHERE b.id = (other ->> 'account_id')::integer)
            THEN jsonb_build_object('key', '(not kept)')
        ELSE jsonb_build_object('base_url', a.base_url, 'wire', a.wire)
    END
    FROM accounts a
    WHERE a.id = (of ->> 'account_id')::integer
$$;
