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
        WHEN 'limits' THEN coalesce(
            any_row ->> 'name', (SELECT i.name FROM instances i WHERE i.id = (any_row ->> 'lane_id')::integer)
        )
        WHEN 'accounts' THEN (SELECT i.name FROM instances i WHERE i.account_id = (any_row ->> 'id')::integer)
        WHEN 'occurrences' THEN (
            SELECT s.name || ' ' || occurrence_label((any_row ->> 'due_at')::timestamptz, s.timezone)
            FROM schedules s WHERE s.id = (any_row ->> 'schedule_id')::bigint
        )
        WHEN 'caps' THEN 'person'
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

REVOKE ALL ON FUNCTION audit_change() FROM PUBLIC;

CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE ON instances
    FOR EACH ROW WHEN (current_setting('broadcaster.operator', true) <> '') EXECUTE FUNCTION audit_change(
        'instance', 'name', 'account_id', 'rate_per_second', 'burst', 'gaps', 'max_in_flight', 'reply_rules', 'country',
        'read_replies_seconds', 'confirm_opt_out', 'hours_id', 'stops', 'retired_at'
    );

CREATE TRIGGER audit AFTER UPDATE OF wire, truth_since ON accounts
    FOR EACH ROW WHEN (current_setting('broadcaster.operator', true) <> '') EXECUTE FUNCTION audit_change(
        'instance', 'wire', 'truth_shown', 'truth_missing'
    );

CREATE TRIGGER audit AFTER UPDATE OF health, outcome_run ON lanes
    FOR EACH ROW WHEN (current_setting('broadcaster.operator', true) <> '') EXECUTE FUNCTION audit_change(
        'instance', 'health', 'health_reason', '*outcome_run'
    );

CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE OF most, ramp, name ON limits
    FOR EACH ROW WHEN (current_setting('broadcaster.operator', true) <> '') EXECUTE FUNCTION audit_change(
        'limit', 'most', 'span_seconds', 'ramp'
    );

CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE ON caps
    FOR EACH ROW WHEN (current_setting('broadcaster.operator', true) <> '') EXECUTE FUNCTION audit_change(
        'limit', 'most', 'span_seconds'
    );

CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE ON audiences
    FOR EACH ROW WHEN (current_setting('broadcaster.operator', true) <> '') EXECUTE FUNCTION audit_change(
        'audience', 'name', 'variables'
    );

CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE ON campaigns
    FOR EACH ROW WHEN (current_setting('broadcaster.operator', true) <> '') EXECUTE FUNCTION audit_change(
        'campaign', 'name', 'state', 'state_reason', 'priority', 'segment', 'max_attempts', 'require_consent',
        'recipients_read', 'recipients_rejected', 'starts_at', 'audience_id', '*audience_filter', '*variables', 'test_of',
        'hours_id', 'expires_at', 'care', 'sharing'
    );

CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE ON schedules
    FOR EACH ROW WHEN (current_setting('broadcaster.operator', true) <> '') EXECUTE FUNCTION audit_change(
        'schedule', 'name', 'state', 'cron', 'every', 'timezone', 'anchor', 'from_at', 'until_at', 'occurrence_limit',
        'misfire', 'grace', 'overlap', 'audience_id', '*audience_filter', 'content_id', '*caption', 'filename',
        'locale', 'priority', 'max_attempts', 'hours_id', 'expires_after', 'require_consent', 'care', 'sharing'
    );

CREATE TRIGGER audit AFTER INSERT OR UPDATE ON occurrences
    FOR EACH ROW WHEN (current_setting('broadcaster.operator', true) <> '') EXECUTE FUNCTION audit_change(
        'occurrence', 'state', 'reason', 'number', 'campaign_id', 'decided_by'
    );

CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE ON receivers
    FOR EACH ROW WHEN (current_setting('broadcaster.operator', true) <> '') EXECUTE FUNCTION audit_change(
        'receiver', 'name', 'way', '*address', '*sealed', 'instance_id', 'events', 'optouts_above'
    );
