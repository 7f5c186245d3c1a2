-- As in 0001, but for how the counter rows are locked: one by one, by key, in the order of the keys, whatever the
-- planner may think. A join in that order may be made by walking all counters of the campaign.
CREATE OR REPLACE FUNCTION count_message_changes(changes message_change[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM (
        SELECT DISTINCT c.campaign_id, c.lane_id FROM unnest(changes) c ORDER BY c.campaign_id, c.lane_id
    ) changed
    CROSS JOIN LATERAL (
        SELECT FROM campaign_lanes cl
        WHERE cl.campaign_id = changed.campaign_id AND cl.lane_id = changed.lane_id
        FOR UPDATE
    ) locked;

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
