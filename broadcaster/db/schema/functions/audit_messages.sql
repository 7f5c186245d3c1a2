-- Of messages an operator moves many at once: how many of which campaign, by the state before and after.
CREATE FUNCTION audit_messages() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM write_audit('campaign', c.name, 'changed', was.states, became.states)
    FROM (
        SELECT campaign_id, jsonb_object_agg(state, n) AS states
        FROM (SELECT campaign_id, state, count(*) AS n FROM old_rows GROUP BY campaign_id, state) counted
        GROUP BY campaign_id
    ) was
    JOIN (
        SELECT campaign_id, jsonb_object_agg(state, n) AS states
        FROM (SELECT campaign_id, state, count(*) AS n FROM new_rows GROUP BY campaign_id, state) counted
        GROUP BY campaign_id
    ) became USING (campaign_id)
    JOIN campaigns c ON c.id = campaign_id
    WHERE was.states <> became.states -- not where they only go through another instance
    ORDER BY campaign_id;
    RETURN NULL;
END
$$;

REVOKE ALL ON FUNCTION audit_messages() FROM PUBLIC;

CREATE TRIGGER audit_messages AFTER UPDATE ON messages
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT WHEN (current_setting('broadcaster.operator', true) <> '') EXECUTE FUNCTION audit_messages();
