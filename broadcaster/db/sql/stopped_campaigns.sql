SELECT /* stopped_campaigns */
-- Campaigns that are paused for a reason: no operator gives one.
    c.name,
    c.state_reason AS reason,
    n.messages
FROM campaigns c
CROSS JOIN LATERAL (
    SELECT jsonb_build_object(
        'sent', coalesce(sum(cl.sent), 0),
        'failed', coalesce(sum(cl.failed), 0),
        'unknown', coalesce(sum(cl.unknown), 0),
        'skipped', coalesce(sum(cl.skipped), 0),
        'cancelled', coalesce(sum(cl.cancelled), 0),
        'expired', coalesce(sum(cl.expired), 0),
        'sending', coalesce(sum(cl.sending), 0),
        'in_doubt', coalesce(sum(cl.in_doubt), 0),
        'pending', coalesce(sum(cl.pending), 0)
    ) AS messages
    FROM campaign_lanes cl
    WHERE cl.campaign_id = c.id
) n
WHERE c.state = 'paused' AND c.state_reason IS NOT NULL AND c.test_of IS NULL
ORDER BY c.id
