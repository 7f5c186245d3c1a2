SELECT /* campaigns_of_instance */
-- What goes through an instance by campaign: first what is sent now, then the latest ones. Drafts do not count. It is sent
-- now where the instance is well, and something of it is under way, or due and kept back by no window and no canary.
    c.name,
    c.state,
    c.state = 'running' AND l.health IN ('ok', 'throttled') AND (
        cl.sending > 0 OR (
            cl.open AND NOT cl.retired AND cl.pending > 0 AND cl.next_due_at <= now()
            AND NOT EXISTS (SELECT FROM campaign_judgements j WHERE j.campaign_id = c.id AND j.next_slice_at > now())
            AND (i.hours_id IS NULL OR EXISTS (
                SELECT FROM openings o
                WHERE o.hours_id = i.hours_id AND o.recipient_group = 0 AND o.opens_at <= now() AND o.closes_at > now()
            ))
            AND (c.hours_id IS NULL OR EXISTS (
                SELECT FROM openings o WHERE o.hours_id = c.hours_id AND o.opens_at <= now() AND o.closes_at > now()
            ))
        )
    ) AS is_sent_now,
    cl.total,
    cl.pending + cl.sending AS to_send,
    cl.sent,
    cl.failed,
    cl.in_doubt,
    cl.unknown,
    cl.expired,
    c.finished_at
FROM campaign_lanes cl
JOIN campaigns c ON c.id = cl.campaign_id
JOIN instances i ON i.id = cl.lane_id
JOIN lanes l ON l.id = cl.lane_id
WHERE cl.lane_id = %(instance_id)s AND cl.total > 0 AND c.test_of IS NULL AND c.state <> 'draft'
ORDER BY c.state NOT IN ('running', 'paused'), c.id DESC
LIMIT %(most)s
