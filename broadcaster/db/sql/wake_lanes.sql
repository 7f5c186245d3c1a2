UPDATE /* wake_lanes */
-- Lanes with due work that nobody holds and nobody was woken for just now, within the hours of lane and campaign, and for
-- which the limits of both have a place. Reads counters, never the backlog.
lanes
SET woken_at = now()
WHERE id IN (
    SELECT l.id
    FROM lanes l
    JOIN instances i ON i.id = l.id
    WHERE l.lease_token IS NULL
        AND l.health NOT IN ('refused', 'paused')
        AND (l.not_before IS NULL OR l.not_before <= now())
        AND (l.woken_at IS NULL OR l.woken_at <= now() - %(again_after)s)
        AND l.clock - make_interval(secs => i.tolerance_seconds) <= now() + %(within)s
        AND NOT EXISTS (
            SELECT FROM lane_limits ll
            JOIN limits f ON f.id = ll.limit_id
            WHERE ll.lane_id = l.id AND f.free_at > now() + %(within)s
        )
        AND (i.hours_id IS NULL OR EXISTS (
            SELECT FROM openings o
            WHERE o.hours_id = i.hours_id AND o.recipient_group = 0
                AND o.opens_at <= now() AND o.closes_at > now() + %(reserve)s
        ))
        AND EXISTS (
            SELECT FROM campaign_lanes cl
            JOIN campaigns c ON c.id = cl.campaign_id AND c.state = 'running'
            WHERE cl.lane_id = l.id AND cl.open AND NOT cl.retired AND cl.pending > 0 AND cl.next_due_at <= now()
                AND (c.expires_at IS NULL OR c.expires_at > now() + %(reserve)s)
                AND (c.hours_id IS NULL OR EXISTS (
                    SELECT FROM openings o
                    WHERE o.hours_id = c.hours_id AND o.opens_at <= now() AND o.closes_at > now() + %(reserve)s
                ))
                AND NOT EXISTS (
                    SELECT FROM campaign_limits of_campaign
                    JOIN limits f ON f.id = of_campaign.limit_id
                    WHERE of_campaign.campaign_id = c.id AND f.free_at > now() + %(within)s
                )
        )
    FOR NO KEY UPDATE OF l SKIP LOCKED
)
RETURNING id AS lane_id, (SELECT name FROM instances i WHERE i.id = lanes.id)
