SELECT /* lanes_of_campaign */
-- The lanes of a campaign, each with its instance's health.
    i.name AS instance,
    l.health,
    l.health_reason,
    i.rate_per_second,
    i.typical_rate_per_second AS permitted_per_second,
    i.burst,
    cl.total,
    cl.pending,
    cl.sending,
    cl.sent,
    cl.failed,
    cl.in_doubt,
    cl.unknown,
    cl.skipped,
    cl.cancelled,
    cl.expired,
    i.retired_at
FROM campaign_lanes cl
JOIN instances i ON i.id = cl.lane_id
JOIN lanes l ON l.id = cl.lane_id
WHERE cl.campaign_id = %(campaign_id)s
ORDER BY i.name
