-- Segment 0 holds ordinary campaigns; a campaign with a segment of its own is dropped with its partition.
-- Rows change three times on their way, so pages keep room and vacuum comes early.
CREATE TABLE messages_0 PARTITION OF messages FOR VALUES IN (0)
    WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
CREATE TABLE attempts_0 PARTITION OF attempts FOR VALUES IN (0);

CREATE TYPE message_change AS (
    campaign_id bigint,
    lane_id integer,
    state message_state,
    next_attempt_at timestamptz,
    delta bigint
);

-- Applies changes to the counters of campaign_lanes.
-- The rows are locked in one order first, so that statements over several counters cannot deadlock.
CREATE FUNCTION count_message_changes(changes message_change[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM campaign_lanes
    WHERE (campaign_id, lane_id) IN (SELECT c.campaign_id, c.lane_id FROM unnest(changes) c)
    ORDER BY campaign_id, lane_id
    FOR UPDATE;

    UPDATE campaign_lanes cl SET
        total = cl.total + d.total,
        pending = cl.pending + d.pending,
        claimed = cl.claimed + d.claimed,
        sending = cl.sending + d.sending,
        sent = cl.sent + d.sent,
        failed = cl.failed + d.failed,
        in_doubt = cl.in_doubt + d.in_doubt,
        unknown = cl.unknown + d.unknown,
        skipped = cl.skipped + d.skipped,
        cancelled = cl.cancelled + d.cancelled,
        expired = cl.expired + d.expired,
        next_due_at = least(cl.next_due_at, d.next_due_at),
        version = cl.version + 1
    FROM (
        SELECT
            c.campaign_id,
            c.lane_id,
            sum(c.delta) AS total,
            coalesce(sum(c.delta) FILTER (WHERE c.state = 'pending'), 0) AS pending,
            coalesce(sum(c.delta) FILTER (WHERE c.state = 'claimed'), 0) AS claimed,
            coalesce(sum(c.delta) FILTER (WHERE c.state = 'sending'), 0) AS sending,
            coalesce(sum(c.delta) FILTER (WHERE c.state = 'sent'), 0) AS sent,
            coalesce(sum(c.delta) FILTER (WHERE c.state = 'failed'), 0) AS failed,
            coalesce(sum(c.delta) FILTER (WHERE c.state = 'in_doubt'), 0) AS in_doubt,
            coalesce(sum(c.delta) FILTER (WHERE c.state = 'unknown'), 0) AS unknown,
            coalesce(sum(c.delta) FILTER (WHERE c.state = 'skipped'), 0) AS skipped,
            coalesce(sum(c.delta) FILTER (WHERE c.state = 'cancelled'), 0) AS cancelled,
            coalesce(sum(c.delta) FILTER (WHERE c.state = 'expired'), 0) AS expired,
            min(c.next_attempt_at) FILTER (WHERE c.state = 'pending' AND c.delta > 0) AS next_due_at
        FROM unnest(changes) c
        GROUP BY c.campaign_id, c.lane_id
    ) d
    WHERE cl.campaign_id = d.campaign_id AND cl.lane_id = d.lane_id;
END
$$;

-- One mechanism that no statement can forget, whoever wrote it: what came is added, what went is taken away.
CREATE FUNCTION count_messages() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    changes message_change[] := '{}';
BEGIN
    IF TG_OP IN ('INSERT', 'UPDATE') THEN
        SELECT array_agg((g.campaign_id, g.lane_id, g.state, g.due, g.n)::message_change) INTO changes
        FROM (
            SELECT campaign_id, lane_id, state, min(next_attempt_at) AS due, count(*) AS n
            FROM new_rows GROUP BY campaign_id, lane_id, state
        ) g;
    END IF;
    IF TG_OP IN ('UPDATE', 'DELETE') THEN
        SELECT changes || array_agg((g.campaign_id, g.lane_id, g.state, NULL, -g.n)::message_change) INTO changes
        FROM (
            SELECT campaign_id, lane_id, state, count(*) AS n
            FROM old_rows GROUP BY campaign_id, lane_id, state
        ) g;
    END IF;
    IF changes <> '{}' THEN
        PERFORM count_message_changes(changes);
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER count_inserted AFTER INSERT ON messages
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION count_messages();
CREATE TRIGGER count_updated AFTER UPDATE ON messages
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION count_messages();
CREATE TRIGGER count_deleted AFTER DELETE ON messages
    REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION count_messages();
