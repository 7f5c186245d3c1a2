WITH /* refresh_next_due */
-- A safety net under the hint that claims read: next_due_at is never later than the earliest moment at which a pending
-- message may leave.
-- The counters are locked in the order in which the trigger does, and those that somebody writes are left for later.
late AS MATERIALIZED (
    SELECT stale.campaign_id, stale.lane_id, earliest.moment
    FROM campaign_lanes stale
    JOIN campaigns c ON c.id = stale.campaign_id
    CROSS JOIN LATERAL due_from(
        c.segment, stale.campaign_id, stale.lane_id, c.hours_id, '-infinity', %(reserve)s
    ) earliest
    WHERE stale.open AND stale.pending > 0 AND stale.next_due_at > earliest.moment
    ORDER BY stale.campaign_id, stale.lane_id
    FOR UPDATE OF stale SKIP LOCKED
)
UPDATE campaign_lanes cl
SET next_due_at = late.moment
FROM late
WHERE cl.campaign_id = late.campaign_id AND cl.lane_id = late.lane_id AND cl.next_due_at > late.moment
