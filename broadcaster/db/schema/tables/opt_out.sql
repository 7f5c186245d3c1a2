CREATE TABLE opt_outs (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    phone text,
    forms text[] NOT NULL,
    lane_id integer NOT NULL DEFAULT 0,
    way opt_out_way NOT NULL,
    operator text DEFAULT nullif(left(current_setting('broadcaster.operator', true), 200), ''),
    command text DEFAULT nullif(left(current_setting('broadcaster.command', true), 200), ''),
    words text,
    inbound_id bigint,
    stopped_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz,
    ended_way opt_out_way,
    ended_operator text,
    ended_command text,
    ended_words text,
    ended_inbound_id bigint,
    digest bytea,
    CONSTRAINT opt_outs_ended_check CHECK ((ended_at IS NULL) = (ended_way IS NULL)),
    CONSTRAINT opt_outs_forms_check CHECK (CASE WHEN phone IS NULL THEN forms = '{}' ELSE phone = ANY (forms) END),
    CONSTRAINT opt_outs_forgotten_check CHECK ((phone IS NULL) = (digest IS NOT NULL))
);
COMMENT ON TABLE opt_outs IS
    'Who is never messaged again, since when and why: the evidence of each opt-out, and of its end. No row is deleted.';
COMMENT ON COLUMN opt_outs.id IS 'In the order in which they were written.';
COMMENT ON COLUMN opt_outs.phone IS 'E.164 digits without the plus; null: forgotten.';
COMMENT ON COLUMN opt_outs.forms IS 'Every number under which WhatsApp may keep that person; none: forgotten.';
COMMENT ON COLUMN opt_outs.lane_id IS 'The instance whose messages it stops; 0: those of every instance.';
COMMENT ON COLUMN opt_outs.way IS 'By what it began.';
COMMENT ON COLUMN opt_outs.operator IS 'Who gave the command, as the audit trail says it; null: no operator did.';
COMMENT ON COLUMN opt_outs.command IS 'The command; null: none.';
COMMENT ON COLUMN opt_outs.words IS 'The person''s words, or the operator''s reason; null: none was given, or forgotten.';
COMMENT ON COLUMN opt_outs.inbound_id IS 'The inbound message that said so; null: none did.';
COMMENT ON COLUMN opt_outs.stopped_at IS 'When it was written, by the database''s clock.';
COMMENT ON COLUMN opt_outs.ended_at IS 'Since when it does not hold any more; null: it holds.';
COMMENT ON COLUMN opt_outs.ended_way IS 'By what it ended.';
COMMENT ON COLUMN opt_outs.ended_operator IS 'Who ended it, as the audit trail says it.';
COMMENT ON COLUMN opt_outs.ended_command IS 'By which command.';
COMMENT ON COLUMN opt_outs.ended_words IS 'In which words, or for which reason.';
COMMENT ON COLUMN opt_outs.ended_inbound_id IS 'The inbound message that ended it; null: none did.';
COMMENT ON COLUMN opt_outs.digest IS 'forgotten_phones.digest, where the number is forgotten.';
-- Each way stops a number once: two commands for one number are one opt-out, a command and a reply are two.
CREATE UNIQUE INDEX opt_outs_holding_idx ON opt_outs (phone, lane_id, way) WHERE ended_at IS NULL AND phone IS NOT NULL;
CREATE INDEX opt_outs_phone_idx ON opt_outs (phone) WHERE ended_at IS NOT NULL AND phone IS NOT NULL;
CREATE INDEX opt_outs_digest_idx ON opt_outs (digest) WHERE digest IS NOT NULL;

CREATE TABLE opted_out (
    phone text NOT NULL,
    opt_out_id bigint NOT NULL,
    lane_id integer NOT NULL,
    PRIMARY KEY (phone, opt_out_id) INCLUDE (lane_id)
);
COMMENT ON TABLE opted_out IS
    'What the claim looks up: each form of the number of each opt-out that holds. A trigger on opt_outs keeps it.';
COMMENT ON COLUMN opted_out.phone IS 'One of opt_outs.forms.';
COMMENT ON COLUMN opted_out.opt_out_id IS 'opt_outs.id';
COMMENT ON COLUMN opted_out.lane_id IS 'opt_outs.lane_id';
