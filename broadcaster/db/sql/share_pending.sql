WITH /* share_pending */
-- What is pending in lanes that were taken away from their campaign goes to those that it has; with %(evenly)s also what
-- a lane has above its share, the last of it first. Shares are in proportion to the rates. %(campaign_id)s null: of all
-- campaigns with something in such lanes. What is being sent or in doubt stays; what comes back from it, a tick moves.
-- A message that is claimed meanwhile stays too, and a lane that is taken away meanwhile is for the next time.
weighed AS (
    SELECT
        c.id AS campaign_id,
        c.segment,
        cl.lane_id,
        cl.retired,
        cl.pending,
        CASE WHEN cl.retired THEN 0 ELSE coalesce(
            i.typical_rate_per_second,
            greatest(100, 10 * max(i.typical_rate_per_second) FILTER (WHERE NOT cl.retired) OVER (PARTITION BY c.id))
        ) END AS weight
    FROM campaigns c
    JOIN campaign_lanes cl ON cl.campaign_id = c.id
    JOIN instances i ON i.id = cl.lane_id
    WHERE CASE
        WHEN %(campaign_id)s::bigint IS NOT NULL THEN c.id = %(campaign_id)s
        ELSE c.id IN (SELECT campaign_id FROM campaign_lanes WHERE open AND retired AND pending > 0)
    END
        AND c.state IN ('draft', 'scheduled', 'running', 'paused')
), part AS (
    SELECT
        *,
        pending - sum(pending) OVER (PARTITION BY campaign_id) * weight / sum(weight) OVER (PARTITION BY campaign_id)
            AS surplus
    FROM weighed
), deal AS ( -- of each campaign, the lanes with room, each with where its part of the interval from 0 to 1 begins
    SELECT campaign_id, array_agg(lane_id ORDER BY lane_id) AS lanes, array_agg(begins ORDER BY lane_id) AS begins
    FROM (
        SELECT
            campaign_id,
            lane_id,
            (sum(surplus) OVER (PARTITION BY campaign_id ORDER BY lane_id) - surplus)
                / sum(surplus) OVER (PARTITION BY campaign_id) AS begins
        FROM part
        WHERE NOT retired AND surplus < 0
    ) room
    GROUP BY campaign_id
), given AS (
    SELECT
        part.segment, part.campaign_id, part.lane_id, m.seq,
        row_number() OVER (PARTITION BY part.campaign_id ORDER BY m.seq) * 0.6180339887498949::float8 AS turn
    FROM part
    CROSS JOIN LATERAL (
        SELECT seq
        FROM messages
        WHERE segment = part.segment AND campaign_id = part.campaign_id AND lane_id = part.lane_id AND state = 'pending'
        ORDER BY next_attempt_at DESC, seq DESC
        LIMIT CASE WHEN NOT part.retired THEN floor(part.surplus) END
    ) m
    WHERE part.retired OR (%(evenly)s AND part.surplus >= 1)
)
UPDATE messages m
SET lane_id = deal.lanes[width_bucket(given.turn - floor(given.turn), deal.begins)]
FROM given
JOIN deal USING (campaign_id)
WHERE m.segment = given.segment AND m.campaign_id = given.campaign_id AND m.seq = given.seq
    AND m.state::text = 'pending' AND m.lane_id = given.lane_id
