-- A finished campaign has nothing that is not final (invariant I1), whatever statements do to it at the same time:
--   * its counters are closed by the statement that finishes it, and a constraint wants of what is closed that nothing
--     is open: that is checked on the newest version of each counter, when whoever wrote it has committed;
--   * a counter that opens holds its campaign's state until the commit, and is refused where that is finished: who
--     finishes a campaign sees all counters that opened before.

-- A temporary table of the caller's stands for none of the tables here.

-- Reads that are repeatable would show counters as they were before the lock: nobody finishes anything by them.
-- There are no counters to close when a campaign is inserted: they refer to it.
CREATE FUNCTION close_counters() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    finished bigint[];
BEGIN
    SELECT array_agg(n.id) INTO finished
    FROM new_rows n
    JOIN old_rows o USING (id)
    WHERE n.state = 'finished' AND o.state <> 'finished';
    IF finished IS NULL THEN
        RETURN NULL;
    END IF;
    IF current_setting('transaction_isolation') NOT IN ('read committed', 'read uncommitted') THEN
        RAISE EXCEPTION USING
            ERRCODE = 'feature_not_supported',
            MESSAGE = 'a campaign is finished in a transaction that is read committed, not in one that is '
                || current_setting('transaction_isolation');
    END IF;
    PERFORM FROM campaign_lanes
    WHERE campaign_id = ANY (finished) AND open
    ORDER BY campaign_id, lane_id
    FOR UPDATE;
    UPDATE campaign_lanes SET open = false WHERE campaign_id = ANY (finished) AND open;
    RETURN NULL;
END
$$;

CREATE TRIGGER close_counters AFTER UPDATE ON campaigns
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION close_counters();

-- The lock conflicts with any change of the campaign. Who changes it in the same transaction has it already.
CREATE FUNCTION refuse_finished(campaign bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    found_state campaign_state;
BEGIN
    SELECT state INTO found_state FROM campaigns WHERE id = campaign FOR SHARE;
    IF found_state = 'finished' THEN
        RAISE EXCEPTION USING
            ERRCODE = 'check_violation',
            MESSAGE = 'campaign ' || campaign || ' is finished: it must run again before anything of it can be open';
    END IF;
END
$$;

CREATE FUNCTION check_opened_counter() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM refuse_finished(NEW.campaign_id);
    RETURN NULL;
END
$$;

-- Counters change with each statement over messages, and open next to never: the others are told apart without a call.
CREATE TRIGGER check_opened AFTER UPDATE ON campaign_lanes
    FOR EACH ROW WHEN (NEW.open AND (NOT OLD.open OR NEW.campaign_id <> OLD.campaign_id))
    EXECUTE FUNCTION check_opened_counter();

CREATE FUNCTION check_inserted_counters() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM refuse_finished(opened.campaign_id)
    FROM (SELECT DISTINCT campaign_id FROM new_rows WHERE open ORDER BY campaign_id) opened;
    RETURN NULL;
END
$$;

CREATE TRIGGER check_inserted AFTER INSERT ON campaign_lanes
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION check_inserted_counters();

-- Whether every message of the campaign is final. Volatile: it sees what is committed when it is called, not when the
-- statement began that calls it.
CREATE FUNCTION campaign_balances(campaign bigint) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    RETURN NOT EXISTS (
        SELECT FROM public.campaign_lanes cl
        WHERE cl.campaign_id = campaign AND cl.pending + cl.sending + cl.in_doubt > 0
    );
END
$$;
