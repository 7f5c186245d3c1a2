-- What a message that was not sent is counted under. Gateways may say something different each time.
CREATE FUNCTION failure_reason(reason text) RETURNS text LANGUAGE sql IMMUTABLE
RETURN left(coalesce(reason, ''), 300);

CREATE TYPE failure_change AS (
    campaign_id bigint,
    lane_id integer,
    state message_state,
    reason text,
    seq integer,
    delta bigint
);

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

-- As before, and beyond that, where messages came to be failed or the like, or are no more, by reason.
CREATE OR REPLACE FUNCTION count_messages() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    changes message_change[] := '{}';
    failures failure_change[] := '{}';
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
    IF NOT EXISTS (SELECT FROM unnest(changes) c WHERE c.state IN ('failed', 'unknown', 'skipped', 'expired')) THEN
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

INSERT INTO failure_counts (campaign_id, lane_id, state, reason, messages, example_seq, latest)
SELECT
    campaign_id,
    lane_id,
    state,
    CASE WHEN place <= 100 THEN reason ELSE '(other reasons)' END,
    sum(messages),
    max(example_seq),
    max(latest)
FROM (
    SELECT
        campaign_id,
        lane_id,
        state,
        failure_reason(reason) AS reason,
        count(*) AS messages,
        max(seq) AS example_seq,
        max(changed_at) AS latest,
        row_number() OVER (PARTITION BY campaign_id, lane_id, state ORDER BY count(*) DESC) AS place
    FROM messages
    WHERE state IN ('failed', 'unknown', 'skipped', 'expired')
    GROUP BY campaign_id, lane_id, state, failure_reason(reason)
) counted
GROUP BY 1, 2, 3, 4;

CREATE OR REPLACE VIEW failure_report AS
SELECT
    c.id AS campaign_id,
    c.name AS campaign,
    i.name AS instance,
    f.state,
    f.reason,
    f.messages,
    m.phone AS example_phone,
    f.latest
FROM failure_counts f
JOIN campaigns c ON c.id = f.campaign_id
JOIN instances i ON i.id = f.lane_id
LEFT JOIN messages m
    ON m.segment = c.segment AND m.campaign_id = c.id AND m.seq = f.example_seq
    AND m.lane_id = f.lane_id AND m.state = f.state AND f.reason IN (failure_reason(m.reason), '(other reasons)')
WHERE f.messages > 0 AND c.test_of IS NULL;
