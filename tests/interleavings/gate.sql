-- Where a statement can be held between its snapshot and its locks: its session finds each table behind a view of the
-- same name, whose one condition is asked once, before the first row of the table is read. Whatever a statement locks
-- it reads first, so it waits with its snapshot taken and nothing locked. Plans stay as they are but for that condition.
CREATE SCHEMA gate;

CREATE FUNCTION gate.hold() RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('gate.hold', true) = 'on' THEN
        PERFORM set_config('gate.hold', 'off', false);
        PERFORM pg_advisory_lock_shared(1), pg_advisory_unlock_shared(1);
    END IF;
    RETURN true;
END
$$;

CREATE FUNCTION gate.hold_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM gate.hold();
    RETURN NULL;
END
$$;

CREATE VIEW gate.messages AS SELECT * FROM public.messages WHERE (SELECT gate.hold());
CREATE VIEW gate.campaigns AS SELECT * FROM public.campaigns WHERE (SELECT gate.hold());
CREATE VIEW gate.campaign_lanes AS SELECT * FROM public.campaign_lanes WHERE (SELECT gate.hold());
CREATE VIEW gate.lanes AS SELECT * FROM public.lanes WHERE (SELECT gate.hold());
CREATE VIEW gate.accounts AS SELECT * FROM public.accounts WHERE (SELECT gate.hold());
CREATE VIEW gate.doubts AS SELECT * FROM public.doubts WHERE (SELECT gate.hold());
CREATE VIEW gate.instances AS SELECT * FROM public.instances WHERE (SELECT gate.hold());
CREATE VIEW gate.ticks AS SELECT * FROM public.ticks WHERE (SELECT gate.hold());

-- What is inserted from elsewhere reads none of them.
CREATE TRIGGER hold_insert BEFORE INSERT ON messages FOR EACH STATEMENT EXECUTE FUNCTION gate.hold_insert();

CREATE TRIGGER hold_insert BEFORE INSERT ON consent_records FOR EACH STATEMENT EXECUTE FUNCTION gate.hold_insert();

CREATE TRIGGER hold_insert BEFORE INSERT ON confirmed_opt_outs FOR EACH STATEMENT EXECUTE FUNCTION gate.hold_insert();

CREATE TRIGGER hold_insert BEFORE INSERT ON opt_outs FOR EACH STATEMENT EXECUTE FUNCTION gate.hold_insert();

-- Every move, in the order in which they were made.
CREATE TABLE gate.moves (
    n bigserial PRIMARY KEY,
    side text,
    campaign_id bigint,
    seq integer,
    source message_state,
    target message_state,
    attempt_before smallint,
    attempt_after smallint,
    claim_before uuid,
    claim_after uuid
);
CREATE FUNCTION gate.log_move() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO gate.moves (
        side, campaign_id, seq, source, target, attempt_before, attempt_after, claim_before, claim_after
    ) VALUES (
        current_setting('gate.side', true), NEW.campaign_id, NEW.seq, OLD.state, NEW.state, OLD.attempt, NEW.attempt,
        OLD.claim_token, NEW.claim_token
    );
    RETURN NULL;
END
$$;
CREATE TRIGGER log_move AFTER UPDATE ON messages FOR EACH ROW
    WHEN ((OLD.state, OLD.attempt, OLD.claim_token) IS DISTINCT FROM (NEW.state, NEW.attempt, NEW.claim_token))
    EXECUTE FUNCTION gate.log_move();

CREATE TABLE gate.campaign_moves (n bigserial PRIMARY KEY, campaign_id bigint, source campaign_state, target campaign_state);
CREATE FUNCTION gate.log_campaign_move() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO gate.campaign_moves (campaign_id, source, target) VALUES (NEW.id, OLD.state, NEW.state);
    RETURN NULL;
END
$$;
CREATE TRIGGER log_move AFTER UPDATE ON campaigns FOR EACH ROW WHEN (OLD.state <> NEW.state)
    EXECUTE FUNCTION gate.log_campaign_move();
