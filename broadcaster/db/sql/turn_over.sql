WITH /* turn_over */
-- A worker's turnover, in one commit: what its attempts came to is written, and its lanes get the next messages.
--
-- Outcomes are guarded by state, attempt number and claim token (invariant I7): a row that was decided meanwhile stays as
-- it is. The state is compared as text, so that the key finds the rows and not an index on states.
--
-- Due messages of the lanes that the caller holds go from `pending` to `sending`, under the token of this claim: the
-- intent, committed before any request leaves (invariant I3). As many as have a slot within the next %(lead)s seconds,
-- fairly across running campaigns, higher priority first. A lane that is not well is tried with one, which is picked at
-- random, since a list may begin with recipients who are all refused. Renews the leases and moves the lanes' clocks.
-- Whoever has opted out is `skipped` instead, and spends no slot (invariant I10), but for the one confirmation of
-- that: by what was committed when the statement's snapshot was taken, which services/sending/opt_out_watch.py
-- reckons with.
-- What is claimed takes a place of each limit of its lane and its campaign, and what goes back to pending gives it back: it
-- was provably not accepted.
-- Whoever had as many messages lately as caps and the campaign's cooldown allow gets none: the message waits until
-- the person is free, or is `skipped`, and spends no slot either. That is decided on the person's row as it is once
-- it is locked, so that of two claims one gets the person. What provably was not accepted does not count any more.
-- Whom a message of a higher priority waits for is kept for that for a while.
-- Nothing is taken outside of the hours of its lane and campaign, or after its campaign has expired, nor where either is
-- less than %(reserve)s ahead: the request could be accepted too late. `closes_in` is how far ahead, in seconds.
--
-- One row per lane still held (message columns null), then one per message; at last one of which outcomes moved a
-- message, by their places. Nothing joins two of its results: nested loops over them would cost the square of the lanes.
-- The triggers that count messages run once for both changes.
moved AS (
    UPDATE messages m
    SET
        state = r.state,
        changed_at = now(),
        spent = m.spent + r.spent,
        next_attempt_at = now() + make_interval(secs => r.delay),
        claim_token = NULL,
        gateway_id = coalesce(r.gateway_id, m.gateway_id),
        reason = r.reason
    FROM ROWS FROM (jsonb_to_recordset(%(outcomes)s) AS (
        segment bigint, campaign_id bigint, seq int, attempt smallint, claim uuid, state message_state,
        delay double precision, spent smallint, outcome outcome, reason text, http_status smallint, reply text,
        gateway_id text, duration_ms int
    )) WITH ORDINALITY AS r (
        segment, campaign_id, seq, attempt, claim, state, delay, spent, outcome, reason, http_status, reply,
        gateway_id, duration_ms, place
    )
    WHERE m.segment = r.segment AND m.campaign_id = r.campaign_id AND m.seq = r.seq
        AND m.state::text = 'sending' AND m.attempt = r.attempt AND m.claim_token = r.claim
    RETURNING m.segment, m.campaign_id, m.seq, m.lane_id, m.phone, m.attempt, m.content_version, m.state, r.outcome,
        r.reason, r.http_status, r.reply, r.duration_ms, r.place
), logged AS (
    INSERT INTO attempts (
        segment, campaign_id, seq, account_id, attempt, content_version, outcome, reason, http_status, reply, duration_ms
    )
    SELECT
        segment, campaign_id, seq, (SELECT l.account_id FROM lanes l WHERE l.id = lane_id), attempt, content_version,
        outcome, reason, http_status, reply, duration_ms
    FROM moved
), doubted AS (
    INSERT INTO doubts (segment, campaign_id, seq, attempt, lane_id, account_id, phone, started_at, ended_at)
    SELECT
        moved.segment, moved.campaign_id, moved.seq, moved.attempt, moved.lane_id,
        (SELECT l.account_id FROM lanes l WHERE l.id = moved.lane_id), moved.phone,
        ( -- the message as it was before this statement: since when it had been intended
            SELECT m.changed_at
            FROM messages m
            WHERE m.segment = moved.segment AND m.campaign_id = moved.campaign_id AND m.seq = moved.seq
        ),
        now() + %(hold)s -- a proxy may yet hand it on
    FROM moved
    WHERE moved.state = 'in_doubt'
), asked AS MATERIALIZED ( -- cast once, and not for each lane
    SELECT %(lanes)s::int[] AS lanes, %(wants)s::int[] AS wants, %(tokens)s::uuid[] AS tokens
), held AS (
    SELECT
        l.id,
        greatest(l.clock, now()) AS clock,
        i.interval_seconds AS every,
        i.tolerance_seconds AS tolerance,
        greatest(0, (i.gaps #>> '{gap,most}')::double precision - i.interval_seconds) AS gap,
        CASE WHEN i.gaps ? 'rest' THEN greatest(1, (i.gaps #>> '{rest,after}')::int - l.since_rest) END AS before_rest,
        (i.gaps #>> '{rest,span,least}')::double precision AS rest,
        (i.gaps #>> '{rest,span,most}')::double precision AS longest_rest,
        l.health NOT IN ('refused', 'paused') AND (l.not_before IS NULL OR l.not_before <= now())
            AND l.account_id = i.account_id -- another account is for another lease
            AND (i.hours_id IS NULL OR opening.closes_at IS NOT NULL) AS may_send,
        opening.closes_at,
        l.health = 'ok' AS is_well,
        CASE WHEN l.health = 'ok' THEN w.want ELSE least(w.want, 1) END AS want -- not ok: a probe
    FROM lanes l
    JOIN instances i ON i.id = l.id
    LEFT JOIN openings opening ON opening.hours_id = i.hours_id AND opening.recipient_group = 0
        AND opening.opens_at <= now() AND opening.closes_at > now() + %(reserve)s
    CROSS JOIN asked
    CROSS JOIN LATERAL (
        SELECT asked.wants[at.n] AS want, asked.tokens[at.n] AS token FROM array_position(asked.lanes, l.id) AS at (n)
    ) w
    WHERE l.id = ANY (%(lanes)s::int[]) AND l.lease_token = w.token AND l.lease_expires_at > now()
    ORDER BY l.id
    FOR NO KEY UPDATE OF l
), open AS MATERIALIZED ( -- what the limits of these lanes and their campaigns leave, which are locked from here on
    SELECT
        array_agg(o.lane_id) AS lanes, array_agg(o.places) AS places, array_agg(o.wait) AS waits,
        -- Null: no campaign on them has any.
        array_agg(o.campaign_id) FILTER (WHERE o.campaign_id IS NOT NULL) AS campaigns,
        array_agg(o.places) FILTER (WHERE o.campaign_id IS NOT NULL) AS campaign_places
    FROM open_places(
        ARRAY(SELECT id FROM held WHERE may_send AND want > 0 ORDER BY id),
        ARRAY(SELECT want FROM held WHERE may_send AND want > 0 ORDER BY id),
        ARRAY(SELECT DISTINCT lane_id FROM moved WHERE state = 'pending'),
        ARRAY(SELECT DISTINCT campaign_id FROM moved WHERE state = 'pending')
    ) o
), room AS (
    SELECT
        id,
        clock,
        every,
        gap,
        before_rest,
        rest,
        longest_rest,
        may_send,
        is_well,
        closes_at,
        CASE
            WHEN NOT may_send THEN 0
            WHEN every = 0 THEN least(want, limited.places)
            ELSE greatest(0, least(want, limited.places, before_rest, 1 + floor(
                (%(lead)s + tolerance - extract(epoch FROM clock - now())) / every
            )))::int
        END AS slots,
        greatest(limited.wait, CASE -- its holder knows the interval, and not what chance has drawn
            WHEN gap > 0 OR before_rest IS NOT NULL
                THEN nullif(greatest(0, extract(epoch FROM clock - now()) - tolerance - %(lead)s), 0)
        END) AS wait
    FROM held
    CROSS JOIN open
    CROSS JOIN LATERAL (
        SELECT open.places[at.n] AS places, open.waits[at.n] AS wait FROM array_position(open.lanes, held.id) AS at (n)
    ) limited
), dealt AS ( -- the lane's slots, dealt like cards to the campaigns of the highest priority, then the next
    SELECT
        r.id AS lane_id, turn.campaign_id, turn.segment, turn.priority, turn.max_attempts, turn.content_version,
        turn.confirms, turn.version, turn.rivals, turn.hours_id, turn.groups, least(turn.closes_at, r.closes_at) AS closes_at,
        r.is_well, count(*)::int AS cards, row_number() OVER (ORDER BY turn.priority DESC, random()) AS place
    FROM room r
    CROSS JOIN LATERAL (
        SELECT rival.*
        FROM (
            SELECT
                cl.campaign_id, c.segment, c.priority, c.max_attempts, c.content_version, c.confirms, cl.version, cl.pending,
                cl.last_claimed_at, c.hours_id, coalesce(opening.groups, '{0}') AS groups,
                least(opening.closes_at, c.expires_at) AS closes_at,
                -- Null: its limits play no part.
                (SELECT campaign_places FROM open)[array_position((SELECT campaigns FROM open), cl.campaign_id)] AS places,
                count(*) OVER () AS rivals
            FROM campaign_lanes cl
            JOIN campaigns c ON c.id = cl.campaign_id AND c.state = 'running'
            LEFT JOIN LATERAL ( -- the recipients who may be sent to now, those first for whom that ends first
                SELECT array_agg(o.recipient_group ORDER BY o.closes_at) AS groups, min(o.closes_at) AS closes_at
                FROM openings o
                WHERE o.hours_id = c.hours_id AND o.opens_at <= now() AND o.closes_at > now() + %(reserve)s
            ) opening ON c.hours_id IS NOT NULL
            WHERE cl.lane_id = r.id AND cl.open AND NOT cl.retired AND cl.pending > 0 AND cl.next_due_at <= now()
                AND r.slots > 0
                AND (c.hours_id IS NULL OR opening.groups IS NOT NULL)
                AND (c.expires_at IS NULL OR c.expires_at > now() + %(reserve)s)
                AND (SELECT campaign_places FROM open)[array_position((SELECT campaigns FROM open), cl.campaign_id)]
                    IS DISTINCT FROM 0
        ) rival
        CROSS JOIN LATERAL generate_series(1, least(rival.pending, rival.places, r.slots)) AS card
        ORDER BY rival.priority DESC, card, rival.last_claimed_at NULLS FIRST, rival.campaign_id
        LIMIT r.slots
    ) turn
    GROUP BY
        r.id, r.is_well, r.closes_at, turn.campaign_id, turn.segment, turn.priority, turn.max_attempts,
        turn.content_version, turn.confirms, turn.version, turn.rivals, turn.hours_id, turn.groups,
        turn.closes_at
), cut AS MATERIALIZED ( -- what campaigns are dealt on several lanes, or under one limit, may be more than that has left
    SELECT cut_quotas(array_agg(campaign_id ORDER BY place), array_agg(cards ORDER BY place)) AS quotas
    FROM dealt
    WHERE (SELECT campaigns FROM open) IS NOT NULL
), picked AS (
    SELECT d.*, coalesce(due.seqs, '{}') AS seqs
    FROM (SELECT dealt.*, least(dealt.cards, (SELECT quotas FROM cut)[dealt.place]) AS quota FROM dealt) d
    CROSS JOIN LATERAL (
        SELECT CASE WHEN d.is_well THEN 0 ELSE coalesce(
            ( -- among those that were never tried
                SELECT floor(random() * (m.seq + 1))::int
                FROM messages m
                WHERE m.segment = d.segment AND m.campaign_id = d.campaign_id AND m.lane_id = d.lane_id
                    AND m.recipient_group = d.groups[1] AND m.state = 'pending' AND m.next_attempt_at = '-infinity'
                ORDER BY m.seq DESC
                LIMIT 1
            ),
            0
        ) END AS seq
    ) first
    CROSS JOIN LATERAL (
        SELECT array_agg(m.seq) AS seqs
        FROM (
            SELECT of_group.seq
            FROM unnest(d.groups) AS open (recipient_group)
            CROSS JOIN LATERAL ( -- nobody asks it for more, or locks more, than the limit without lets through
                SELECT seq
                FROM messages
                WHERE segment = d.segment AND campaign_id = d.campaign_id AND lane_id = d.lane_id
                    AND recipient_group = open.recipient_group AND state = 'pending' AND next_attempt_at <= now()
                    AND (next_attempt_at, seq) >= ('-infinity', first.seq)
                ORDER BY next_attempt_at, seq
                LIMIT d.quota
                FOR UPDATE SKIP LOCKED
            ) of_group
            LIMIT d.quota
        ) m
    ) due
    WHERE d.quota > 0
), due AS MATERIALIZED (
    SELECT
        p.segment, p.campaign_id, p.priority, p.max_attempts, p.content_version, p.confirms, each.seq, each.card,
        extract(epoch FROM p.closes_at - now())::double precision AS closes_in
    FROM picked p CROSS JOIN LATERAL unnest(p.seqs) WITH ORDINALITY AS each (seq, card)
), held_back AS MATERIALIZED ( -- where there is neither cap nor cooldown nobody looks
    SELECT h.*
    FROM frequency_records f
    CROSS JOIN LATERAL hold_back(
        ARRAY(SELECT (segment, campaign_id, seq)::message_key FROM due ORDER BY card),
        claims_returned(ARRAY(
            SELECT (segment, campaign_id, seq)::message_key
            FROM moved
            WHERE outcome IN ('rejected', 'throttled', 'not_sent')
        )),
        make_interval(secs => f.span_seconds),
        make_interval(secs => f.grace_seconds)
    ) h
), put_off AS (
    UPDATE messages m
    SET
        changed_at = now(),
        state = CASE WHEN h.skips THEN 'skipped'::message_state ELSE 'pending'::message_state END,
        next_attempt_at = h.until,
        reason = h.reason
    FROM held_back h
    WHERE m.segment = h.segment AND m.campaign_id = h.campaign_id AND m.seq = h.seq
    RETURNING m.lane_id, m.state
), claimed AS ( -- by key alone: `picked` has checked the state and holds the rows
    UPDATE messages m
    SET
        changed_at = now(),
        (state, attempt, content_version, claim_token, reason) = (
            SELECT
                CASE WHEN may_leave THEN 'sending' ELSE 'skipped' END::message_state,
                CASE WHEN may_leave THEN m.attempt + 1 ELSE m.attempt END,
                -- What is sent, whatever the campaign sends from now on.
                CASE WHEN may_leave THEN due.content_version ELSE m.content_version END,
                CASE WHEN may_leave THEN %(claim)s::uuid END,
                CASE WHEN may_leave THEN m.reason ELSE 'opted_out' END
            FROM (
                SELECT CASE
                    WHEN due.confirms IS NULL THEN NOT EXISTS (
                        SELECT FROM opted_out o WHERE o.phone = m.phone AND o.lane_id IN (0, m.lane_id)
                    )
                    ELSE may_confirm(due.confirms, m.phone, m.lane_id)
                END AS may_leave
                OFFSET 0 -- looked up once for the row
            ) consent
        )
    FROM due
    WHERE m.segment = due.segment AND m.campaign_id = due.campaign_id AND m.seq = due.seq
        AND (due.campaign_id, due.seq) NOT IN (SELECT campaign_id, seq FROM held_back)
    RETURNING m.state, m.lane_id, m.segment, m.campaign_id, m.seq, m.phone, m.variables, m.attempt, m.spent,
        m.content_version, due.max_attempts, due.priority, due.card, due.closes_in
), turns AS ( -- the counters are locked in the order in which the trigger does, and after people: nobody waits in a circle
    SELECT p.*
    FROM (
        SELECT campaign_id, lane_id, segment, hours_id, quota, version, rivals, seqs FROM picked
        UNION ALL -- the trigger counts what was recorded too
        SELECT DISTINCT
            campaign_id, lane_id, NULL::bigint, NULL::int, NULL::int, NULL::bigint, NULL::bigint, NULL::int[]
        FROM moved
        ORDER BY campaign_id, lane_id
    ) p
    CROSS JOIN LATERAL (
        SELECT FROM campaign_lanes cl WHERE cl.campaign_id = p.campaign_id AND cl.lane_id = p.lane_id FOR UPDATE
    ) counter
    WHERE EXISTS (SELECT FROM picked WHERE rivals > 1 OR cardinality(seqs) < quota)
), served AS ( -- a campaign that had fewer due than it was dealt is asked again when its next one is due
    UPDATE campaign_lanes cl
    SET
        last_claimed_at = clock_timestamp(),
        next_due_at = CASE
            WHEN cardinality(t.seqs) < t.quota AND cl.version = t.version THEN coalesce(
                ( -- after now: what was taken just now is still seen as pending
                    SELECT later.moment
                    FROM due_from(
                        t.segment, t.campaign_id, t.lane_id, t.hours_id, now() + interval '1 us', %(reserve)s
                    ) later
                ),
                'infinity'
            )
            ELSE cl.next_due_at
        END
    FROM turns t
    WHERE cl.campaign_id = t.campaign_id AND cl.lane_id = t.lane_id AND (t.rivals > 1 OR cardinality(t.seqs) < t.quota)
), taken AS MATERIALIZED (
    SELECT
        array_agg(lane_id ORDER BY lane_id) AS lanes,
        array_agg(n ORDER BY lane_id) AS counts,
        array_agg(skipped ORDER BY lane_id) AS skips,
        array_agg(put_off ORDER BY lane_id) AS delays
    FROM (
        SELECT
            lane_id,
            (count(*) FILTER (WHERE state = 'sending'))::int AS n,
            (count(*) FILTER (WHERE state = 'skipped'))::int AS skipped,
            (count(*) FILTER (WHERE state = 'pending'))::int AS put_off
        FROM (SELECT lane_id, state FROM claimed UNION ALL SELECT lane_id, state FROM put_off) looked_at
        GROUP BY lane_id
    ) each_lane
), counted AS MATERIALIZED (
    SELECT take_places(
        taken.lanes,
        taken.counts,
        CASE WHEN open.campaigns IS NOT NULL THEN ARRAY(SELECT campaign_id FROM claimed WHERE state = 'sending') END,
        ARRAY(SELECT lane_id FROM moved WHERE state = 'pending' ORDER BY place),
        ARRAY(SELECT campaign_id FROM moved WHERE state = 'pending' ORDER BY place),
        ARRAY(
            SELECT ( -- the message as it was before this statement: when it was claimed
                SELECT m.changed_at
                FROM messages m
                WHERE m.segment = moved.segment AND m.campaign_id = moved.campaign_id AND m.seq = moved.seq
            )
            FROM moved
            WHERE state = 'pending'
            ORDER BY place
        )
    )
    FROM taken
    CROSS JOIN open
    WHERE open.lanes IS NOT NULL OR EXISTS (SELECT FROM moved WHERE state = 'pending')
), renewed AS (
    UPDATE lanes l
    SET
        lease_expires_at = now() + %(lease)s,
        clock = CASE
            WHEN n.taken > 0 THEN room.clock + make_interval(secs =>
                n.taken * (room.every + coalesce(random() * room.gap, 0))
                + CASE WHEN n.taken >= room.before_rest THEN room.rest + random() * (room.longest_rest - room.rest) ELSE 0 END)
            ELSE l.clock
        END,
        since_rest = CASE WHEN n.taken >= room.before_rest THEN 0 ELSE l.since_rest + coalesce(n.taken, 0) END
    FROM room
    CROSS JOIN taken
    CROSS JOIN LATERAL (SELECT taken.counts[array_position(taken.lanes, room.id)] AS taken) n
    WHERE l.id = room.id
)
SELECT
    lane_id,
    NULL::boolean AS may_send,
    NULL::int AS slots,
    segment,
    campaign_id,
    seq,
    phone,
    variables,
    attempt,
    spent,
    max_attempts,
    content_version,
    closes_in,
    NULL::int AS skipped,
    NULL::double precision AS wait,
    NULL::int AS put_off,
    priority,
    card,
    NULL::bigint[] AS places
FROM claimed
WHERE state = 'sending'
UNION ALL
SELECT
    id, may_send, slots, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
    (SELECT coalesce(skips[array_position(lanes, id)], 0) FROM taken), wait,
    (SELECT coalesce(delays[array_position(lanes, id)], 0) FROM taken), NULL, NULL, NULL
FROM room
UNION ALL
SELECT
    NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
    CASE WHEN (SELECT count(*) FROM counted) >= 0 THEN array_agg(place) END -- what nothing asks for is not counted
FROM moved
ORDER BY lane_id NULLS LAST, priority DESC NULLS FIRST, card, campaign_id
