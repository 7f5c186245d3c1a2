INSERT /* begin_failovers */
-- Of each running campaign that asks for it, the lanes that have been down or refused for as long as it says, while
-- another of its lanes is well and may send: what they have pending goes to the others from now on. Not while all of those
-- wait for their hours, for a limit, or for the end of a rest: until then the lane may be well again. Two ticks at once begin
-- one.
INTO failovers (campaign_id, lane_id, reason)
SELECT cl.campaign_id, cl.lane_id, l.health_reason
FROM lanes l
JOIN campaign_lanes cl ON cl.lane_id = l.id AND cl.open AND NOT cl.retired AND cl.pending + cl.sending + cl.in_doubt > 0
JOIN campaigns c ON c.id = cl.campaign_id AND c.state = 'running'
WHERE l.health IN ('down', 'refused')
    AND l.health_since <= now() - make_interval(secs => (c.sharing ->> 'failover_after')::float8)
    AND EXISTS (
        SELECT
        FROM campaign_lanes other
        JOIN lanes well ON well.id = other.lane_id AND well.health IN ('ok', 'throttled')
        JOIN instances i ON i.id = other.lane_id AND i.retired_at IS NULL
        WHERE other.campaign_id = cl.campaign_id AND other.lane_id <> cl.lane_id AND NOT other.retired
            AND may_send_from(other.lane_id) = now()
            AND NOT EXISTS (
                SELECT FROM failovers f
                WHERE f.campaign_id = other.campaign_id AND f.lane_id = other.lane_id AND f.ended_at IS NULL
            )
    )
ORDER BY cl.campaign_id, cl.lane_id
ON CONFLICT (campaign_id, lane_id) WHERE ended_at IS NULL DO NOTHING
