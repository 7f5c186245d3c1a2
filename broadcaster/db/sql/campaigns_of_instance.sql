SELECT /* campaigns_of_instance */
-- What goes through an instance by campaign: first what is sent now, then the latest ones. Drafts do not count.
    c.name,
    c.state,
    cl.total,
    cl.pending + cl.sending AS to_send,
    cl.sent,
    cl.failed,
    cl.in_doubt,
    cl.unknown,
    c.finished_at
FROM campaign_lanes cl
JOIN campaigns c ON c.id = cl.campaign_id
WHERE cl.lane_id = %(instance_id)s AND cl.total > 0 AND c.test_of IS NULL AND c.state <> 'draft'
ORDER BY c.state NOT IN ('running', 'paused'), c.id DESC
LIMIT %(most)s
