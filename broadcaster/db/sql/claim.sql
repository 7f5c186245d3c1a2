-- Renews the leases of a task's lanes, advances their clocks and claims as many due messages as may be sent
-- within the next %(ahead)s seconds: fairly across running campaigns, higher priority first.
-- One row per lane still held (message columns null where it got none), or one per claimed message.
WITH wanted AS (
    SELECT * FROM unnest(%(lanes)s::int[], %(wants)s::int[]) AS w (lane_id, want)
), held AS (
    SELECT
        l.id,
        greatest(l.clock, now()) AS clock,
        i.interval_seconds AS every,
        i.tolerance_seconds AS tolerance,
        l.health NOT IN ('refused', 'paused') AND (l.not_before IS NULL OR l.not_before <= now()) AS may_send,
        CASE WHEN l.health = 'ok' THEN w.want ELSE least(w.want, 1) END AS want -- not ok: a probe
    FROM wanted w
    JOIN lanes l ON l.id = w.lane_id
    JOIN instances i ON i.id = l.id
    WHERE l.lease_token = %(token)s AND l.lease_expires_at > now()
    ORDER BY l.id
    FOR UPDATE OF l
), room AS (
    SELECT
        id,
        may_send,
        CASE
            WHEN NOT may_send THEN 0
            WHEN every = 0 THEN want
            ELSE greatest(0, least(want, 1 + floor(
                (%(ahead)s + tolerance - extract(epoch FROM clock - now())) / every
            )::int))
        END AS slots
    FROM held
), dealt AS ( -- the lane's slots, dealt like cards to the campaigns of the highest priority, then the next
    SELECT r.id AS lane_id, turn.campaign_id, turn.segment, turn.priority, turn.version, count(*)::int AS quota
    FROM room r
    CROSS JOIN LATERAL (
        SELECT cl.campaign_id, c.segment, c.priority, cl.version
        FROM campaign_lanes cl
        JOIN campaigns c ON c.id = cl.campaign_id AND c.state = 'running'
        CROSS JOIN LATERAL generate_series(1, least(cl.pending, r.slots)) AS card
        WHERE cl.lane_id = r.id AND cl.open AND cl.pending > 0 AND cl.next_due_at <= now()
        ORDER BY c.priority DESC, card, cl.last_claimed_at NULLS FIRST, cl.campaign_id
        LIMIT r.slots
    ) turn
    GROUP BY r.id, turn.campaign_id, turn.segment, turn.priority, turn.version
), due AS (
    SELECT
        m.segment,
        m.campaign_id,
        m.seq,
        d.priority,
        row_number() OVER (PARTITION BY d.lane_id, d.campaign_id ORDER BY m.next_attempt_at, m.seq) AS card
    FROM dealt d
    CROSS JOIN LATERAL (
        SELECT segment, campaign_id, seq, next_attempt_at
        FROM messages
        WHERE segment = d.segment AND campaign_id = d.campaign_id AND lane_id = d.lane_id
            AND state = 'pending' AND next_attempt_at <= now()
        ORDER BY next_attempt_at, seq
        LIMIT d.quota
        FOR UPDATE SKIP LOCKED
    ) m
), claimed AS ( -- by key alone: `due` has checked the state and holds the rows
    UPDATE messages m
    SET state = 'claimed', lease_token = %(token)s, changed_at = now()
    FROM due
    WHERE m.segment = due.segment AND m.campaign_id = due.campaign_id AND m.seq = due.seq
    RETURNING m.segment, m.campaign_id, m.seq, m.lane_id, m.phone, m.variables, m.attempt, m.spent,
        due.priority, due.card
), turns AS ( -- the counters, once the messages are locked and in the trigger's order: nobody waits in a circle
    SELECT turn.*
    FROM (
        SELECT d.campaign_id, d.lane_id, d.version, d.quota, taken.n, taken.next_due_at
        FROM dealt d
        CROSS JOIN LATERAL (
            SELECT
                (
                    SELECT count(*)
                    FROM claimed
                    WHERE claimed.campaign_id = d.campaign_id AND claimed.lane_id = d.lane_id
                ) AS n,
                (
                    SELECT min(m.next_attempt_at)
                    FROM messages m
                    WHERE m.segment = d.segment AND m.campaign_id = d.campaign_id AND m.lane_id = d.lane_id
                        AND m.state = 'pending' AND m.next_attempt_at > now()
                ) AS next_due_at
        ) taken
        ORDER BY d.campaign_id, d.lane_id
    ) turn
    CROSS JOIN LATERAL (
        SELECT FROM campaign_lanes cl
        WHERE cl.campaign_id = turn.campaign_id AND cl.lane_id = turn.lane_id
        FOR UPDATE
    ) counter
), served AS ( -- a campaign that had fewer due than it was dealt is asked again when its next one is due
    UPDATE campaign_lanes cl
    SET
        last_claimed_at = clock_timestamp(),
        next_due_at = CASE
            WHEN turns.n < turns.quota AND cl.version = turns.version THEN coalesce(turns.next_due_at, 'infinity')
            ELSE cl.next_due_at
        END
    FROM turns
    WHERE cl.campaign_id = turns.campaign_id AND cl.lane_id = turns.lane_id
), renewed AS (
    UPDATE lanes l
    SET
        lease_expires_at = now() + %(lease)s,
        clock = CASE WHEN n.taken = 0 THEN l.clock ELSE held.clock + make_interval(secs => n.taken * held.every) END
    FROM held
    CROSS JOIN LATERAL (SELECT count(*) AS taken FROM claimed WHERE claimed.lane_id = held.id) n
    WHERE l.id = held.id
)
SELECT
    room.id AS lane_id,
    room.may_send,
    room.slots,
    claimed.segment,
    claimed.campaign_id,
    claimed.seq,
    claimed.phone,
    claimed.variables,
    claimed.attempt,
    claimed.spent
FROM room
LEFT JOIN claimed ON claimed.lane_id = room.id
ORDER BY room.id, claimed.priority DESC, claimed.card, claimed.campaign_id
