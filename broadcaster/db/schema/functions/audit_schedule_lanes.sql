-- Which instances a schedule sends through.
CREATE FUNCTION audit_schedule_lanes() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM write_audit(
        'schedule', s.name, 'changed',
        CASE WHEN TG_OP = 'DELETE' THEN found.instances END, CASE WHEN TG_OP = 'INSERT' THEN found.instances END
    )
    FROM (
        SELECT r.schedule_id, jsonb_build_object('instances', jsonb_agg(i.name ORDER BY i.name)) AS instances
        FROM changed_rows r JOIN instances i ON i.id = r.lane_id
        GROUP BY r.schedule_id
    ) found
    JOIN schedules s ON s.id = found.schedule_id
    ORDER BY s.name;
    RETURN NULL;
END
$$;

REVOKE ALL ON FUNCTION audit_schedule_lanes() FROM PUBLIC;

CREATE TRIGGER audit_inserted AFTER INSERT ON schedule_lanes REFERENCING NEW TABLE AS changed_rows
    FOR EACH STATEMENT WHEN (current_setting('broadcaster.operator', true) <> '') EXECUTE FUNCTION audit_schedule_lanes();

CREATE TRIGGER audit_deleted AFTER DELETE ON schedule_lanes REFERENCING OLD TABLE AS changed_rows
    FOR EACH STATEMENT WHEN (current_setting('broadcaster.operator', true) <> '') EXECUTE FUNCTION audit_schedule_lanes();
