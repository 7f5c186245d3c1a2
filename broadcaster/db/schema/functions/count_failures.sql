-- Applies changes to failure_counts. Whoever calls it holds the counters of their campaigns and lanes, so that nobody
-- else counts here meanwhile. Rows stay at zero, and so a reason that once had no row of its own never gets one:
-- what was counted under the others is taken away from there.
CREATE FUNCTION count_failures(changes failure_change[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    most CONSTANT integer := 100;
    change failure_change;
BEGIN
    FOREACH change IN ARRAY changes LOOP
        IF NOT EXISTS (
            SELECT FROM failure_counts f
            WHERE f.campaign_id = change.campaign_id AND f.lane_id = change.lane_id AND f.state = change.state
                AND f.reason = change.reason
        ) AND most <= (
            SELECT count(*) FROM failure_counts f
            WHERE f.campaign_id = change.campaign_id AND f.lane_id = change.lane_id AND f.state = change.state
        ) THEN
            change.reason := '(other reasons)';
        END IF;
        UPDATE failure_counts f
        SET
            messages = f.messages + change.delta,
            example_seq = coalesce(change.seq, f.example_seq),
            latest = CASE WHEN change.delta > 0 THEN now() ELSE f.latest END
        WHERE f.campaign_id = change.campaign_id AND f.lane_id = change.lane_id AND f.state = change.state
            AND f.reason = change.reason;
        IF NOT FOUND THEN
            INSERT INTO failure_counts (campaign_id, lane_id, state, reason, messages, example_seq)
            VALUES (change.campaign_id, change.lane_id, change.state, change.reason, change.delta, change.seq);
        END IF;
    END LOOP;
END
$$;
