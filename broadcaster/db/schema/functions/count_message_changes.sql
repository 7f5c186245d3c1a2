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
