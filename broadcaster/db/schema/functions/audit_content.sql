-- What a campaign sent until an operator changed it, and what it sends since: shortened, and without anybody's number.
CREATE FUNCTION audit_content() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM write_audit('campaign', c.name, 'changed', was.said, became.said)
    FROM campaigns c
    CROSS JOIN LATERAL content_for_audit(NEW.campaign_id, NEW.version - 1) AS was (said)
    CROSS JOIN LATERAL content_for_audit(NEW.campaign_id, NEW.version) AS became (said)
    WHERE c.id = NEW.campaign_id;
    RETURN NULL;
END
$$;

REVOKE ALL ON FUNCTION audit_content() FROM PUBLIC;

-- The first version is what the campaign came with.
CREATE TRIGGER audit AFTER INSERT ON content_versions
    FOR EACH ROW WHEN (NEW.version > 1 AND current_setting('broadcaster.operator', true) <> '')
    EXECUTE FUNCTION audit_content();
