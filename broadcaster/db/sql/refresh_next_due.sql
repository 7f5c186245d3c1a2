-- A safety net under the hint that claims read: next_due_at is never later than the earliest pending message.
UPDATE campaign_lanes cl
SET next_due_at = earliest.next_attempt_at
FROM campaign_lanes stale
JOIN campaigns c ON c.id = stale.campaign_id
CROSS JOIN LATERAL (
    SELECT m.next_attempt_at
    FROM messages m
    WHERE m.segment = c.segment AND m.campaign_id = stale.campaign_id AND m.lane_id = stale.lane_id
        AND m.state = 'pending'
    ORDER BY m.next_attempt_at
    LIMIT 1
) earliest
WHERE stale.open AND stale.pending > 0 AND stale.next_due_at > earliest.next_attempt_at
    AND cl.campaign_id = stale.campaign_id AND cl.lane_id = stale.lane_id
    AND cl.next_due_at > earliest.next_attempt_at
