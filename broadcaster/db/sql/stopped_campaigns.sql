SELECT /* stopped_campaigns */
-- Campaigns that are paused for a reason: no operator gives one.
    c.name,
    c.state_reason AS reason,
    coalesce(n.sent, 0) AS sent,
    coalesce(n.pending, 0) AS pending
FROM campaigns c
CROSS JOIN LATERAL (
    SELECT sum(cl.sent)::bigint AS sent, sum(cl.pending)::bigint AS pending FROM campaign_lanes cl WHERE cl.campaign_id = c.id
) n
WHERE c.state = 'paused' AND c.state_reason IS NOT NULL AND c.test_of IS NULL
ORDER BY c.id
