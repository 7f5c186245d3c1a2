WITH /* share_pending */
-- What is pending in lanes of the campaign %(campaign_id)s that have to give it away goes to its others, in proportion to their
-- weights, or to %(shares)s where these are given (of all that those have then who get any), or to their rates:
-- from those that were taken away from it or are retired, and from those that are in trouble for long (`failovers`). With
-- %(evenly)s also what a lane has above its share, the last of it first, and whoever is away from home goes home. With a
-- lane %(to)s nobody else gets any. Only lanes
-- that are well get any, where there are such, unless an operator deals anew. At most %(most)s leave a lane (null: all), and
-- each move is noted with its reason, %(reason)s where the lane keeps its part.
-- Unless it is dealt evenly or by shares, who may send only later gets less: each lane what it sends, at its pace and from when it may,
-- until all of them are done at once. Who may send only after the campaign has expired gets nothing where another one does
-- not have to, and nothing leaves a lane in trouble while none of the others may send: it may be well before they do.
-- A lane that is down keeps one while others have work: only a message shows that it is well again. Who keeps an instance
-- stays through its trouble, unless the campaign says otherwise.
-- What is being sent or in doubt stays; what comes back from it, a tick moves. A message that is claimed meanwhile stays
-- too, and a lane that is taken away meanwhile is for the next time.
lane AS (
    SELECT
        c.id AS campaign_id,
        c.segment,
        c.sharing ? 'sticky' AS is_sticky,
        c.sharing ? 'failover_sticky' AS failover_sticky,
        cl.lane_id,
        cl.pending,
        cl.version,
        cl.weight AS own_weight,
        (%(shares)s::jsonb ->> cl.lane_id::text)::float8 AS share,
        i.typical_rate_per_second AS rate,
        l.health,
        l.health IN ('ok', 'throttled') AS is_well,
        CASE WHEN %(evenly)s THEN 0 ELSE extract(epoch FROM may_send_from(cl.lane_id) - now()) END AS delay,
        coalesce(extract(epoch FROM c.expires_at - now()), 'infinity') AS time_left,
        CASE
            WHEN i.retired_at IS NOT NULL THEN 'retired'
            WHEN cl.retired THEN 'replaced'
            WHEN f.id IS NOT NULL THEN 'failover'
        END AS gives,
        f.id AS failover_id
    FROM campaigns c
    JOIN campaign_lanes cl ON cl.campaign_id = c.id
    JOIN instances i ON i.id = cl.lane_id
    JOIN lanes l ON l.id = cl.lane_id
    LEFT JOIN failovers f ON f.campaign_id = cl.campaign_id AND f.lane_id = cl.lane_id AND f.ended_at IS NULL
    WHERE c.state IN ('draft', 'scheduled', 'running', 'paused') AND c.id = %(campaign_id)s
), known AS (
    SELECT
        *,
        sum(pending) OVER of_campaign AS all_pending,
        count(*) FILTER (WHERE gives = 'failover' AND pending > 0) OVER of_campaign AS in_trouble,
        coalesce(bool_or(gives IS NULL AND is_well) OVER of_campaign, false) AS some_are_well,
        coalesce(bool_or(gives IS NULL AND is_well AND delay < time_left) OVER of_campaign, false) AS some_are_in_time,
        coalesce(bool_or(gives IS NULL AND is_well AND delay = 0) OVER of_campaign, false) AS some_may_send,
        max(rate) FILTER (WHERE gives IS NULL) OVER of_campaign AS highest_rate
    FROM lane
    WINDOW of_campaign AS (PARTITION BY campaign_id)
), asked AS (
    SELECT
        *,
        gives IS NULL AND CASE
            WHEN %(to)s::integer IS NOT NULL THEN lane_id = %(to)s
            WHEN %(evenly)s THEN is_well OR NOT some_are_well OR %(reason)s::text <> 'back'
            WHEN some_are_in_time THEN is_well AND delay < time_left
            ELSE is_well OR NOT some_are_well
        END AS takes
    FROM known
), told AS (
    SELECT
        *,
        -- Of those that have a share, none may get any by now.
        own_weight IS NULL AND coalesce(bool_or(takes AND share > 0) OVER (PARTITION BY campaign_id), false) AS has_shares
    FROM asked
), weighed AS (
    SELECT
        *,
        CASE WHEN has_shares THEN 0 ELSE delay END AS late,
        coalesce(rate, greatest(100, 10 * highest_rate)) AS speed,
        CASE
            WHEN takes OR (%(evenly)s AND gives IS NULL) THEN coalesce(
                own_weight,
                CASE WHEN has_shares THEN coalesce(share, 0) END,
                rate,
                greatest(100, 10 * highest_rate)
            )
            ELSE 0
        END AS weight,
        sum(pending) FILTER (WHERE takes OR %(evenly)s OR gives IS NOT NULL) OVER (PARTITION BY campaign_id) AS shared,
        array_agg(lane_id) FILTER (WHERE takes) OVER (PARTITION BY campaign_id) AS takers
    FROM told
), paced AS ( -- messages a second, in proportion to the weights
    SELECT
        *,
        weight * sum(speed) FILTER (WHERE weight > 0) OVER (PARTITION BY campaign_id)
            / nullif(sum(weight) OVER (PARTITION BY campaign_id), 0) AS pace
    FROM weighed
), reckoned AS ( -- in how many seconds those are done who may send first, if the others do nothing
    SELECT *, (shared + sum(pace * late) OVER begun) / nullif(sum(pace) OVER begun, 0) AS seconds
    FROM paced
    WINDOW begun AS (PARTITION BY campaign_id ORDER BY late)
), compared AS ( -- with all who help it is the least of these
    SELECT
        *,
        pending - pace * greatest(0, min(seconds) OVER (PARTITION BY campaign_id) - late) AS surplus
    FROM reckoned
), part AS (
    SELECT
        *,
        CASE
            WHEN gives IS NULL THEN CASE WHEN %(evenly)s THEN floor(greatest(0, surplus)) ELSE 0 END
            WHEN gives = 'failover' AND NOT some_may_send THEN 0
            WHEN gives = 'failover' AND health = 'down' AND all_pending > in_trouble THEN pending - 1
            ELSE pending
        END AS giving
    FROM compared
), deal AS ( -- of each campaign, the lanes with room, each with where its part of the interval from 0 to 1 begins
    SELECT campaign_id, array_agg(lane_id ORDER BY lane_id) AS lanes, array_agg(begins ORDER BY lane_id) AS begins
    FROM (
        SELECT
            campaign_id,
            lane_id,
            (sum(surplus) OVER (PARTITION BY campaign_id ORDER BY lane_id) - surplus)
                / sum(surplus) OVER (PARTITION BY campaign_id) AS begins
        FROM part
        WHERE takes AND surplus < 0
    ) room
    GROUP BY campaign_id
), given AS MATERIALIZED (
    SELECT
        part.segment, part.campaign_id, part.lane_id, part.gives, m.seq,
        CASE WHEN %(evenly)s AND m.home_lane_id = ANY (part.takers) THEN m.home_lane_id END AS home,
        row_number() OVER (PARTITION BY part.campaign_id ORDER BY m.seq) * 0.6180339887498949::float8 AS turn
    FROM part
    CROSS JOIN LATERAL (
        ( -- in the order of the index, backwards: no piece reads more than it takes
            SELECT seq, home_lane_id
            FROM messages
            WHERE segment = part.segment AND campaign_id = part.campaign_id AND lane_id = part.lane_id
                AND state = 'pending'
                AND (part.gives <> 'failover' OR part.failover_sticky OR home_lane_id IS DISTINCT FROM part.lane_id)
            ORDER BY campaign_id DESC, lane_id DESC, recipient_group DESC, next_attempt_at DESC, seq DESC
            LIMIT CASE WHEN part.gives IS NULL THEN 0 ELSE least(part.giving, %(most)s::bigint) END
        )
        UNION
        (
            SELECT seq, home_lane_id
            FROM messages
            WHERE segment = part.segment AND campaign_id = part.campaign_id AND lane_id = part.lane_id
                AND state = 'pending' AND home_lane_id IS DISTINCT FROM part.lane_id
            ORDER BY next_attempt_at DESC, seq DESC
            LIMIT CASE WHEN part.gives IS NULL THEN part.giving ELSE 0 END
        )
        UNION
        SELECT seq, home_lane_id
        FROM messages
        WHERE %(evenly)s AND part.is_sticky
            AND segment = part.segment AND campaign_id = part.campaign_id AND lane_id = part.lane_id
            AND state = 'pending' AND home_lane_id <> part.lane_id AND home_lane_id = ANY (part.takers)
    ) m
), moved AS (
    UPDATE messages m
    SET lane_id = dealt.to_lane_id
    FROM (
        SELECT
            given.*,
            coalesce(home, deal.lanes[width_bucket(turn - floor(turn), deal.begins)]) AS to_lane_id
        FROM given
        LEFT JOIN deal USING (campaign_id)
    ) dealt
    WHERE m.segment = dealt.segment AND m.campaign_id = dealt.campaign_id AND m.seq = dealt.seq
        AND m.state::text = 'pending' AND m.lane_id = dealt.lane_id AND dealt.to_lane_id IS NOT NULL
    RETURNING m.campaign_id, dealt.lane_id AS from_lane_id, m.lane_id AS to_lane_id, dealt.gives
), noted AS (
    INSERT INTO lane_moves (campaign_id, from_lane_id, to_lane_id, reason, messages)
    SELECT campaign_id, from_lane_id, to_lane_id, coalesce(gives, %(reason)s)::move_reason, count(*)
    FROM moved
    GROUP BY campaign_id, from_lane_id, to_lane_id, gives
    ORDER BY campaign_id, from_lane_id, to_lane_id
), quiet AS ( -- without waiting: who ends a failover has it locked before any message
    SELECT f.id, part.version
    FROM part
    JOIN failovers f ON f.id = part.failover_id
    WHERE f.ended_at IS NULL AND part.some_may_send AND part.pending > 1
        AND f.seen_version IS DISTINCT FROM part.version
        AND NOT EXISTS (
            SELECT FROM given WHERE given.campaign_id = part.campaign_id AND given.lane_id = part.lane_id
        )
    FOR UPDATE OF f SKIP LOCKED
), seen AS (
    UPDATE failovers f SET seen_version = quiet.version FROM quiet WHERE f.id = quiet.id
)
SELECT count(*) AS messages FROM moved
