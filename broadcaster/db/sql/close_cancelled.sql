WITH /* close_cancelled */
-- A cancelled campaign needs no more looking after once nothing of it is in flight or in doubt.
-- The counters are locked in the order in which the trigger does, and those that somebody writes are left for later.
idle AS MATERIALIZED (
    SELECT cl.campaign_id, cl.lane_id
    FROM campaign_lanes cl
    JOIN campaigns c ON c.id = cl.campaign_id AND c.state = 'cancelled'
    WHERE cl.open AND cl.pending + cl.sending + cl.in_doubt = 0
    ORDER BY cl.campaign_id, cl.lane_id
    FOR UPDATE OF cl SKIP LOCKED
)
UPDATE campaign_lanes cl
SET open = false
FROM idle
WHERE cl.campaign_id = idle.campaign_id AND cl.lane_id = idle.lane_id
    AND cl.pending + cl.sending + cl.in_doubt = 0
