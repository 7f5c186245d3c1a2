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
