WITH /* refresh_next_due */
-- A safety net under the hint that claims read: next_due_at is never later than the earliest pending message.
-- The counters are locked in the order in which the trigger does, and those that somebody writes are left for later.
late AS MATERIALIZED (
    SELECT stale.campaign_id, stale.lane_id, earliest.next_attempt_at
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
    ORDER BY stale.campaign_id, stale.lane_id
    FOR UPDATE OF stale SKIP LOCKED
)
UPDATE campaign_lanes cl
SET next_due_at = late.next_attempt_at
FROM late
WHERE cl.campaign_id = late.campaign_id AND cl.lane_id = late.lane_id AND cl.next_due_at > late.next_attempt_at
