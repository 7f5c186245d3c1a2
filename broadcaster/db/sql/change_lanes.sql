WITH /* change_lanes */
-- The campaign goes through %(lanes)s from now on, each with its weight. Nothing is claimed any more through what it went through besides;
-- what is pending there, `share_pending` gives to the others. When the next of it is due, the next claim finds out.
-- The counters are locked in the order in which the trigger does.
known AS MATERIALIZED (
    SELECT lane_id FROM campaign_lanes WHERE campaign_id = %(campaign_id)s ORDER BY lane_id FOR UPDATE
), come AS (
    INSERT INTO campaign_lanes (campaign_id, lane_id, weight)
    SELECT %(campaign_id)s, lane_id, weight
    FROM unnest(%(lanes)s::integer[], %(weights)s::float8[]) AS wanted (lane_id, weight)
    WHERE lane_id NOT IN (SELECT lane_id FROM known)
    ORDER BY lane_id
)
UPDATE campaign_lanes cl
SET
    retired = cl.lane_id <> ALL (%(lanes)s::integer[]),
    weight = (%(weights)s::float8[])[array_position(%(lanes)s::integer[], cl.lane_id)],
    next_due_at = '-infinity'
FROM known
WHERE cl.campaign_id = %(campaign_id)s AND cl.lane_id = known.lane_id
