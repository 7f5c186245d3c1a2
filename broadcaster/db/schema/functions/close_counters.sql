-- A finished campaign has nothing that is not final (invariant I1), whatever statements do to it at the same time:
--   * its counters are closed by the statement that finishes it, and a constraint wants of what is closed that nothing
--     is open: that is checked on the newest version of each counter, when whoever wrote it has committed;
--   * a counter that opens holds its campaign's state until the commit, and is refused where that is finished: who
--     finishes a campaign sees all counters that opened before.
-- This is the first half; refuse_finished is the second. A temporary table of the caller's stands for none of the tables.
--
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
