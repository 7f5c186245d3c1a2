UPDATE /* end_failovers */
-- Lanes get their part back of a campaign that runs or is paused once they have been well for as long as they had to be in trouble to
-- lose it, so that one that comes and goes does not take messages to and fro. At once where no other lane is well, where
-- none is left, and where the campaign asks for no failover any more. Two ticks at once end it once.
failovers f
SET ended_at = now()
FROM campaigns c, lanes l
WHERE f.ended_at IS NULL AND c.id = f.campaign_id AND c.state IN ('running', 'paused') AND l.id = f.lane_id
    AND (
        NOT coalesce(c.sharing ? 'failover_after', false)
        OR (l.health = 'ok' AND l.health_since <= now() - make_interval(secs => (c.sharing ->> 'failover_after')::float8))
        OR NOT EXISTS (
            SELECT
            FROM campaign_lanes other
            JOIN instances i ON i.id = other.lane_id AND i.retired_at IS NULL
            JOIN lanes their ON their.id = other.lane_id
            WHERE other.campaign_id = f.campaign_id AND other.lane_id <> f.lane_id AND NOT other.retired
                AND (l.health NOT IN ('ok', 'throttled') OR their.health IN ('ok', 'throttled'))
        )
    )
RETURNING f.campaign_id
