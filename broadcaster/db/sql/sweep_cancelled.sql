UPDATE /* sweep_cancelled */
-- What was in flight when its campaign was cancelled, and came back unsent, is cancelled with it.
messages m
SET state = 'cancelled', changed_at = now(), reason = 'the campaign was cancelled'
FROM campaign_lanes cl
JOIN campaigns c ON c.id = cl.campaign_id AND c.state = 'cancelled'
WHERE cl.open AND cl.pending > 0
    AND m.segment = c.segment AND m.campaign_id = cl.campaign_id AND m.lane_id = cl.lane_id AND m.state = 'pending'
