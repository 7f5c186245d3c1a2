SELECT /* lanes_that_share */
-- The lanes of the campaign %(campaign_id)s or, with null, of all campaigns of which there is something to give away
-- (`domain.giving.SharingLane`): what each has pending, why it gives that away, how it is, and in how many seconds it may send.
-- Of a failover that is known to leave only those who stay there is nothing to give away.
    c.id AS campaign_id,
    cl.lane_id AS id,
    cl.pending,
    cl.weight,
    l.health,
    CASE
        WHEN i.retired_at IS NOT NULL THEN 'retired'
        WHEN cl.retired THEN 'replaced'
        WHEN f.id IS NOT NULL THEN 'failover'
    END AS gives,
    extract(epoch FROM may_send_from(cl.lane_id) - now())::float8 AS delay,
    extract(epoch FROM c.expires_at - now())::float8 AS time_left
FROM campaigns c
JOIN campaign_lanes cl ON cl.campaign_id = c.id
JOIN instances i ON i.id = cl.lane_id
JOIN lanes l ON l.id = cl.lane_id
LEFT JOIN failovers f ON f.campaign_id = cl.campaign_id AND f.lane_id = cl.lane_id AND f.ended_at IS NULL
WHERE c.state IN ('draft', 'scheduled', 'running', 'paused')
    AND CASE
        WHEN %(campaign_id)s::bigint IS NOT NULL THEN c.id = %(campaign_id)s
        ELSE c.id IN (
            SELECT campaign_id FROM campaign_lanes WHERE open AND retired AND pending > 0
            UNION ALL
            SELECT part.campaign_id
            FROM instances closed
            JOIN campaign_lanes part ON part.lane_id = closed.id
            WHERE closed.retired_at IS NOT NULL AND part.open AND part.pending > 0
            UNION ALL
            SELECT part.campaign_id
            FROM failovers away
            JOIN campaign_lanes part ON part.campaign_id = away.campaign_id AND part.lane_id = away.lane_id
            WHERE away.ended_at IS NULL AND part.open AND part.pending > 0
                AND (part.pending = 1 OR away.seen_version IS DISTINCT FROM part.version)
        )
    END
ORDER BY c.id, cl.lane_id
