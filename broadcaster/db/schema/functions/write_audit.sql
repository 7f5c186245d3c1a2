-- The trail of what operators did (docs/security-roles.md). The command line says in its session who gives which command;
-- workers say nothing there, and nothing of what they do is kept: for them a trigger is one look at a setting.
-- Triggers and functions write as the schema's owner, and nobody else may; nobody at all changes what is written.
--
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
