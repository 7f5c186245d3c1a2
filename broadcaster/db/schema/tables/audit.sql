CREATE TABLE audit_log (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    operator text NOT NULL,
    host text NOT NULL,
    command text NOT NULL,
    db_role text NOT NULL,
    object_kind text NOT NULL,
    object_name text NOT NULL,
    action text NOT NULL,
    before jsonb,
    after jsonb
);
COMMENT ON TABLE audit_log IS 'What operators did: rows come, and nobody changes or deletes one.';
COMMENT ON COLUMN audit_log.id IS 'In the order of writing.';
COMMENT ON COLUMN audit_log.at IS 'When, by the database''s clock.';
COMMENT ON COLUMN audit_log.operator IS 'Who: the account of the operating system, as its command says.';
COMMENT ON COLUMN audit_log.host IS 'On which machine.';
COMMENT ON COLUMN audit_log.command IS 'By which command, without its options.';
COMMENT ON COLUMN audit_log.db_role IS 'The role that was logged in, as the database knows.';
COMMENT ON COLUMN audit_log.object_kind IS 'instance, campaign, audience, schedule, occurrence or such.';
COMMENT ON COLUMN audit_log.object_name IS 'What operators call it.';
COMMENT ON COLUMN audit_log.action IS 'added, changed, removed, or noted: what has no before.';
COMMENT ON COLUMN audit_log.before IS 'What changed, as it was; null: it was not there.';
COMMENT ON COLUMN audit_log.after IS 'The same as it became; null: it is not there any more.';
CREATE INDEX audit_log_object_idx ON audit_log (object_kind, object_name, id);
