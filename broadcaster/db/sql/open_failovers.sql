SELECT /* open_failovers */
-- The lanes that have not got their part of an open campaign back: of one campaign, of one instance, or of all.
    c.name AS campaign,
    i.name AS instance,
    f.began_at,
    f.reason,
    l.health,
    (
        SELECT coalesce(sum(m.messages), 0)::bigint
        FROM lane_moves m
        WHERE m.campaign_id = f.campaign_id AND m.from_lane_id = f.lane_id AND m.reason = 'failover'
            AND m.moved_at >= f.began_at
    ) AS messages,
    cl.pending
FROM failovers f
JOIN campaigns c ON c.id = f.campaign_id AND c.state NOT IN ('finished', 'cancelled')
JOIN campaign_lanes cl ON cl.campaign_id = f.campaign_id AND cl.lane_id = f.lane_id
JOIN instances i ON i.id = f.lane_id
JOIN lanes l ON l.id = f.lane_id
WHERE f.ended_at IS NULL
    AND (%(campaign)s::text IS NULL OR c.name = %(campaign)s) AND (%(instance)s::text IS NULL OR i.name = %(instance)s)
ORDER BY i.name, c.name
