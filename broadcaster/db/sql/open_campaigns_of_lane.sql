SELECT /* open_campaigns_of_lane */
-- The campaigns that are sent through a lane, or will be: what it has of them, and the lanes that they have besides, each with
-- its weight or rate, what it has pending, how it is, and in how many seconds it may send. Without any, a campaign whose work is not done
-- cannot do without this one.
    c.id,
    c.name,
    c.state,
    c.started_at IS NOT NULL AS has_started,
    cl.pending,
    cl.sending + cl.in_doubt AS under_way,
    extract(epoch FROM c.expires_at - now())::double precision AS time_left,
    coalesce(others.lanes, '[]') AS others
FROM campaign_lanes cl
JOIN campaigns c ON c.id = cl.campaign_id AND c.state IN ('draft', 'scheduled', 'running', 'paused')
CROSS JOIN LATERAL (
    SELECT jsonb_agg(jsonb_build_object(
        'id', i.id,
        'instance', i.name,
        'weight', coalesce(other.weight, i.typical_rate_per_second),
        'rate', i.typical_rate_per_second,
        'pending', other.pending,
        'is_well', l.health IN ('ok', 'throttled'),
        'health', l.health,
        'is_away', EXISTS (
            SELECT FROM failovers f WHERE f.campaign_id = c.id AND f.lane_id = l.id AND f.ended_at IS NULL
        ),
        'delay', extract(epoch FROM may_send_from(l.id) - now())
    ) ORDER BY i.id) AS lanes
    FROM campaign_lanes other
    JOIN instances i ON i.id = other.lane_id AND i.retired_at IS NULL
    JOIN lanes l ON l.id = other.lane_id
    WHERE other.campaign_id = c.id AND other.lane_id <> cl.lane_id AND NOT other.retired
) others
WHERE cl.lane_id = %(lane)s AND NOT cl.retired
    AND (
        cl.pending + cl.sending + cl.in_doubt > 0 OR c.started_at IS NULL
        -- What other lanes have that are in trouble, or were taken away from it, is still to come.
        OR NOT coalesce(others.lanes, '[]') @> '[{"is_well": true}]' AND EXISTS (SELECT FROM campaign_lanes part WHERE part.campaign_id = c.id AND part.pending > 0)
    )
ORDER BY c.name
