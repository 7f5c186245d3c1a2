WITH /* mend_turns */
-- A campaign that was served in the future, by a clock that has been put back, waits for its turn until then.
ahead AS (
    SELECT campaign_id, lane_id
    FROM campaign_lanes
    WHERE open AND last_claimed_at > now() + interval '1 s'
    ORDER BY campaign_id, lane_id
    FOR NO KEY UPDATE
)
UPDATE campaign_lanes cl
SET last_claimed_at = now()
FROM ahead
WHERE cl.campaign_id = ahead.campaign_id AND cl.lane_id = ahead.lane_id
