-- The trail of what operators did (docs/security-roles.md). The command line says in its session who gives which command;
-- workers say nothing there, and nothing of what they do is kept: for them a trigger is one look at a setting.
-- Triggers and functions write as the schema's owner, and nobody else may; nobody at all changes what is written.

-- One row of the trail, in the words of the session's settings.
CREATE FUNCTION write_audit(kind text, name text, what text, old_values jsonb, new_values jsonb) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, public, pg_temp AS $$
    INSERT INTO audit_log (operator, host, command, db_role, object_kind, object_name, action, before, after)
    VALUES (
        left(current_setting('broadcaster.operator', true), 200),
        left(coalesce(current_setting('broadcaster.host', true), ''), 200),
        left(coalesce(current_setting('broadcaster.command', true), ''), 200),
        session_user, kind, left(name, 300), what, old_values, new_values
    )
$$;

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

-- Keeps what an operator changed of a row: TG_ARGV has the kind of object and the columns. Of a column with a * before
-- it only that it changed is kept: its values are personal, long or secret. Reasons are kept without anybody's number.
CREATE FUNCTION audit_change() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    old_row CONSTANT jsonb := CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) END;
    new_row CONSTANT jsonb := CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) END;
    any_row CONSTANT jsonb := coalesce(new_row, old_row);
    name text;
    before jsonb;
    after jsonb;
BEGIN
    SELECT
        jsonb_object_agg(listed.name, CASE
            WHEN NOT listed.is_shown THEN '"(not kept)"'
            WHEN listed.is_reason THEN to_jsonb(without_numbers(old_row ->> listed.name))
            ELSE old_row -> listed.name
        END) FILTER (WHERE TG_OP <> 'INSERT' AND listed.old_value IS NOT NULL OR TG_OP = 'UPDATE'),
        jsonb_object_agg(listed.name, CASE
            WHEN NOT listed.is_shown THEN '"(not kept)"'
            WHEN listed.is_reason THEN to_jsonb(without_numbers(new_row ->> listed.name))
            ELSE new_row -> listed.name
        END) FILTER (WHERE TG_OP <> 'DELETE' AND listed.new_value IS NOT NULL OR TG_OP = 'UPDATE')
    INTO before, after
    FROM (
        SELECT
            ltrim(column_name, '*') AS name,
            column_name NOT LIKE '*%' AS is_shown,
            column_name LIKE '%reason' AS is_reason,
            nullif(old_row -> ltrim(column_name, '*'), 'null') AS old_value,
            nullif(new_row -> ltrim(column_name, '*'), 'null') AS new_value
        FROM unnest(TG_ARGV[1:]) AS column_name
    ) listed
    WHERE listed.old_value IS DISTINCT FROM listed.new_value;
    IF before IS NULL AND after IS NULL THEN
        RETURN NULL;
    END IF;
    IF before ? 'account_id' OR after ? 'account_id' THEN
        before := before || account_for_audit(before, after);
        after := after || account_for_audit(after, before);
    END IF;
    name := CASE TG_TABLE_NAME
        WHEN 'lanes' THEN (SELECT i.name FROM instances i WHERE i.id = (any_row ->> 'id')::integer)
        WHEN 'accounts' THEN (SELECT i.name FROM instances i WHERE i.account_id = (any_row ->> 'id')::integer)
        WHEN 'occurrences' THEN (
            SELECT s.name || ' ' || to_char((any_row ->> 'due_at')::timestamptz AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
            FROM schedules s WHERE s.id = (any_row ->> 'schedule_id')::bigint
        )
        ELSE any_row ->> 'name'
    END;
    IF name IS NOT NULL THEN
        PERFORM write_audit(
            TG_ARGV[0], name, CASE TG_OP WHEN 'INSERT' THEN 'added' WHEN 'UPDATE' THEN 'changed' ELSE 'removed' END,
            before, after
        );
    END IF;
    RETURN NULL;
END
$$;

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
    ORDER BY campaign_id;
    RETURN NULL;
END
$$;

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

-- For what no trigger sees as one thing, such as an import: one row, where an operator is known.
CREATE FUNCTION note_operation(kind text, name text, detail jsonb) RETURNS void LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF current_setting('broadcaster.operator', true) <> '' THEN
        IF pg_column_size(detail) > 8000 THEN
            RAISE EXCEPTION USING ERRCODE = 'program_limit_exceeded', MESSAGE = 'too much detail for the audit trail';
        END IF;
        PERFORM write_audit(left(kind, 50), name, 'noted', NULL, detail);
    END IF;
END
$$;

CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege', MESSAGE = 'what is in the audit trail stays as it is';
END
$$;

REVOKE ALL ON FUNCTION
    audit_change(), audit_messages(), audit_schedule_lanes(), note_operation(text, text, jsonb)
FROM PUBLIC;

CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change();

CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE ON instances
    FOR EACH ROW WHEN (current_setting('broadcaster.operator', true) <> '') EXECUTE FUNCTION audit_change(
        'instance', 'name', 'account_id', 'rate_per_second', 'burst', 'max_in_flight', 'reply_rules'
    );
CREATE TRIGGER audit AFTER UPDATE OF wire, truth_since ON accounts
    FOR EACH ROW WHEN (current_setting('broadcaster.operator', true) <> '') EXECUTE FUNCTION audit_change(
        'instance', 'wire', 'truth_shown', 'truth_missing', 'truth_since'
    );
CREATE TRIGGER audit AFTER UPDATE OF health, outcome_run ON lanes
    FOR EACH ROW WHEN (current_setting('broadcaster.operator', true) <> '') EXECUTE FUNCTION audit_change('instance', 'health', 'health_reason', '*outcome_run');
CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE ON audiences
    FOR EACH ROW WHEN (current_setting('broadcaster.operator', true) <> '') EXECUTE FUNCTION audit_change('audience', 'name', 'variables');
CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE ON campaigns
    FOR EACH ROW WHEN (current_setting('broadcaster.operator', true) <> '') EXECUTE FUNCTION audit_change(
        'campaign', 'name', 'state', 'state_reason', 'content_id', '*caption', 'filename', 'priority', 'segment',
        'max_attempts', 'recipients_read', 'recipients_rejected', 'starts_at', 'audience_id', '*audience_filter',
        '*variables', 'test_of'
    );
CREATE TRIGGER audit_messages AFTER UPDATE ON messages
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT WHEN (current_setting('broadcaster.operator', true) <> '') EXECUTE FUNCTION audit_messages();
CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE ON schedules
    FOR EACH ROW WHEN (current_setting('broadcaster.operator', true) <> '') EXECUTE FUNCTION audit_change(
        'schedule', 'name', 'state', 'cron', 'every', 'timezone', 'anchor', 'from_at', 'until_at', 'occurrence_limit',
        'misfire', 'grace', 'overlap', 'audience_id', '*audience_filter', 'content_id', '*caption', 'filename',
        'priority', 'max_attempts'
    );
CREATE TRIGGER audit_inserted AFTER INSERT ON schedule_lanes REFERENCING NEW TABLE AS changed_rows
    FOR EACH STATEMENT WHEN (current_setting('broadcaster.operator', true) <> '') EXECUTE FUNCTION audit_schedule_lanes();
CREATE TRIGGER audit_deleted AFTER DELETE ON schedule_lanes REFERENCING OLD TABLE AS changed_rows
    FOR EACH STATEMENT WHEN (current_setting('broadcaster.operator', true) <> '') EXECUTE FUNCTION audit_schedule_lanes();
CREATE TRIGGER audit AFTER INSERT OR UPDATE ON occurrences
    FOR EACH ROW WHEN (current_setting('broadcaster.operator', true) <> '') EXECUTE FUNCTION audit_change(
        'occurrence', 'state', 'reason', 'number', 'campaign_id', 'decided_by'
    );
