-- How many messages more or fewer are in a state, of one campaign and lane; `due`: when the first that came is due.
CREATE TYPE message_change AS (
    campaign_id bigint,
    lane_id integer,
    state message_state,
    due timestamptz,
    delta integer
);

-- Applies changes to the counters of campaign_lanes; returns whether there are rows for all of them.
-- The rows are updated by key and in the order of the keys, so that statements over several counters cannot deadlock.
-- The settings see to that, whatever the planner may think: other joins, or a walk of the table, have another order.
-- To lock the rows in order beforehand costs more than all the rest.
-- A row that comes to have something that is not final is open, whoever moved it.
CREATE FUNCTION count_message_changes(changes message_change[]) RETURNS boolean LANGUAGE plpgsql
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off SET enable_bitmapscan = off AS $$
DECLARE
    all_counted boolean;
BEGIN
    WITH changed AS MATERIALIZED (
        SELECT
            c.campaign_id,
            c.lane_id,
            sum(c.delta) AS total,
            coalesce(sum(c.delta) FILTER (WHERE c.state = 'pending'), 0) AS pending,
            coalesce(sum(c.delta) FILTER (WHERE c.state = 'sending'), 0) AS sending,
            coalesce(sum(c.delta) FILTER (WHERE c.state = 'sent'), 0) AS sent,
            coalesce(sum(c.delta) FILTER (WHERE c.state = 'failed'), 0) AS failed,
            coalesce(sum(c.delta) FILTER (WHERE c.state = 'in_doubt'), 0) AS in_doubt,
            coalesce(sum(c.delta) FILTER (WHERE c.state = 'unknown'), 0) AS unknown,
            coalesce(sum(c.delta) FILTER (WHERE c.state = 'skipped'), 0) AS skipped,
            coalesce(sum(c.delta) FILTER (WHERE c.state = 'cancelled'), 0) AS cancelled,
            coalesce(sum(c.delta) FILTER (WHERE c.state = 'expired'), 0) AS expired,
            min(c.due) FILTER (WHERE c.state = 'pending') AS due
        FROM unnest(changes) c
        GROUP BY c.campaign_id, c.lane_id
        ORDER BY c.campaign_id, c.lane_id
    ), counted AS (
        UPDATE campaign_lanes cl SET
            total = cl.total + d.total,
            pending = cl.pending + d.pending,
            sending = cl.sending + d.sending,
            sent = cl.sent + d.sent,
            failed = cl.failed + d.failed,
            in_doubt = cl.in_doubt + d.in_doubt,
            unknown = cl.unknown + d.unknown,
            skipped = cl.skipped + d.skipped,
            cancelled = cl.cancelled + d.cancelled,
            expired = cl.expired + d.expired,
            next_due_at = least(cl.next_due_at, d.due),
            version = cl.version + 1,
            open = cl.open OR cl.pending + d.pending + cl.sending + d.sending + cl.in_doubt + d.in_doubt > 0
        FROM changed d
        WHERE cl.campaign_id = d.campaign_id AND cl.lane_id = d.lane_id
        RETURNING 1
    )
    SELECT (SELECT count(*) FROM counted) = (SELECT count(*) FROM changed) INTO all_counted;
    RETURN all_counted;
END
$$;

-- Messages that come where no counter is would be counted nowhere.
CREATE FUNCTION refuse_uncounted(changes message_change[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    uncounted record;
BEGIN
    SELECT c.campaign_id, c.lane_id INTO uncounted
    FROM unnest(changes) c
    WHERE NOT EXISTS (SELECT FROM campaign_lanes cl WHERE cl.campaign_id = c.campaign_id AND cl.lane_id = c.lane_id)
    GROUP BY c.campaign_id, c.lane_id
    HAVING sum(c.delta) > 0
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING
            ERRCODE = 'foreign_key_violation',
            MESSAGE = 'campaign ' || uncounted.campaign_id || ' does not go over lane ' || uncounted.lane_id
                || ': there is no row of campaign_lanes that would count its messages';
    END IF;
END
$$;

-- One mechanism that no statement can forget, whoever wrote it: what came is added, what went is taken away. Where
-- messages came to be failed or the like, or are no more, they are counted by reason too.
-- It runs as the schema's owner: nobody else may write what it writes, and so nobody can make the books say anything
-- but what happened to messages. A temporary table of the caller's stands for none of its tables.
CREATE FUNCTION count_messages() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    changes message_change[];
    unsent boolean;
    failures failure_change[] := '{}';
BEGIN
    IF TG_OP = 'UPDATE' THEN
        SELECT
            array_agg((g.campaign_id, g.lane_id, g.state, g.due, g.delta)::message_change),
            bool_or(g.state IN ('failed', 'unknown', 'skipped', 'expired'))
        INTO changes, unsent
        FROM (
            SELECT campaign_id, lane_id, state, min(due) AS due, sum(delta)::integer AS delta
            FROM (
                SELECT campaign_id, lane_id, state, next_attempt_at AS due, 1 AS delta FROM new_rows
                UNION ALL
                SELECT campaign_id, lane_id, state, NULL, -1 FROM old_rows
            ) moved
            GROUP BY campaign_id, lane_id, state
        ) g;
    ELSIF TG_OP = 'INSERT' THEN
        SELECT
            array_agg((g.campaign_id, g.lane_id, g.state, g.due, g.delta)::message_change),
            bool_or(g.state IN ('failed', 'unknown', 'skipped', 'expired'))
        INTO changes, unsent
        FROM (
            SELECT campaign_id, lane_id, state, min(next_attempt_at) AS due, count(*)::integer AS delta
            FROM new_rows
            GROUP BY campaign_id, lane_id, state
        ) g;
    ELSE
        SELECT
            array_agg((g.campaign_id, g.lane_id, g.state, NULL, g.delta)::message_change),
            bool_or(g.state IN ('failed', 'unknown', 'skipped', 'expired'))
        INTO changes, unsent
        FROM (
            SELECT campaign_id, lane_id, state, -count(*)::integer AS delta
            FROM old_rows
            GROUP BY campaign_id, lane_id, state
        ) g;
    END IF;
    IF changes IS NULL THEN
        RETURN NULL;
    END IF;
    IF NOT count_message_changes(changes) THEN
        PERFORM refuse_uncounted(changes);
    END IF;
    IF NOT unsent THEN
        RETURN NULL;
    END IF;
    IF TG_OP IN ('INSERT', 'UPDATE') THEN
        SELECT array_agg((g.campaign_id, g.lane_id, g.state, g.reason, g.seq, g.n)::failure_change) INTO failures
        FROM (
            SELECT campaign_id, lane_id, state, failure_reason(reason) AS reason, max(seq) AS seq, count(*) AS n
            FROM new_rows WHERE state IN ('failed', 'unknown', 'skipped', 'expired')
            GROUP BY campaign_id, lane_id, state, failure_reason(reason)
        ) g;
    END IF;
    IF TG_OP IN ('UPDATE', 'DELETE') THEN
        SELECT failures || array_agg((g.campaign_id, g.lane_id, g.state, g.reason, NULL, -g.n)::failure_change)
        INTO failures
        FROM (
            SELECT campaign_id, lane_id, state, failure_reason(reason) AS reason, count(*) AS n
            FROM old_rows WHERE state IN ('failed', 'unknown', 'skipped', 'expired')
            GROUP BY campaign_id, lane_id, state, failure_reason(reason)
        ) g;
    END IF;
    PERFORM count_failures(failures);
    RETURN NULL;
END
$$;

-- Who may call it may tie it to a table of his own, and count what never was.
REVOKE ALL ON FUNCTION count_messages() FROM PUBLIC;

CREATE TRIGGER count_inserted AFTER INSERT ON messages
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION count_messages();
CREATE TRIGGER count_updated AFTER UPDATE ON messages
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION count_messages();
CREATE TRIGGER count_deleted AFTER DELETE ON messages
    REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION count_messages();
