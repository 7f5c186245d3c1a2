SELECT /* failovers_to_plan */
-- The lanes of each campaign that asks for failovers and has one in trouble, or paused, as far as they are among %(lanes)s: those of
-- running and scheduled campaigns, and of the one called %(name)s. With how many of its messages do not move, since their
-- people keep it.
    c.id AS campaign,
    (c.sharing ->> 'failover_after')::float8 AS after,
    cl.lane_id,
    cl.weight,
    EXISTS (
        SELECT FROM failovers f WHERE f.campaign_id = c.id AND f.lane_id = cl.lane_id AND f.ended_at IS NULL
    ) AS is_away,
    CASE WHEN c.sharing ? 'sticky' AND NOT c.sharing ? 'failover_sticky' AND l.health IN ('refused', 'down') THEN (
        SELECT count(*)
        FROM messages m
        WHERE m.segment = c.segment AND m.campaign_id = c.id AND m.lane_id = cl.lane_id AND m.state = 'pending'
            AND m.home_lane_id = cl.lane_id
    ) ELSE 0 END AS stays
FROM campaigns c
JOIN campaign_lanes cl ON cl.campaign_id = c.id AND cl.open AND NOT cl.retired
JOIN lanes l ON l.id = cl.lane_id
WHERE (c.state IN ('scheduled', 'running') OR c.name = %(name)s) AND c.sharing ? 'failover_after'
    AND EXISTS (
        SELECT FROM campaign_lanes part
        JOIN lanes troubled ON troubled.id = part.lane_id AND troubled.health IN ('refused', 'down', 'paused')
        WHERE part.campaign_id = c.id AND part.open AND NOT part.retired
    )
    AND cl.lane_id = ANY (%(lanes)s::integer[])
ORDER BY c.id, cl.lane_id
