WITH /* lanes_to_plan */ RECURSIVE
-- Lanes as they stand, and those that share a limit with them, or send campaigns that share one with what these send, be
-- it by way of others (`domain.lanes_now.LaneNow`); and those of what shares %(limits)s; and those from which messages will
-- go to them, since they are in trouble, or that will get some of these, too. What
-- came of the last %(most)s attempts of an hour, at most, tells how fast their gateways answer and how many are in vain:
-- of those that were not made while the lane was down or refused, since these say nothing of how it sends when it is well.
limited AS MATERIALIZED ( -- which limits hold for lanes, or for something that they send or are to send
    SELECT DISTINCT cl.lane_id, held.limit_id
    FROM campaign_limits held
    JOIN campaigns c ON c.id = held.campaign_id AND (c.state IN ('scheduled', 'running') OR c.name = %(name)s)
    JOIN campaign_lanes cl ON cl.campaign_id = c.id AND cl.open AND NOT cl.retired
    UNION
    SELECT ll.lane_id, ll.limit_id FROM lane_limits ll
    UNION -- lanes of one campaign among which messages move, as if they shared a limit
    SELECT cl.lane_id, -c.id
    FROM campaigns c
    JOIN campaign_lanes cl ON cl.campaign_id = c.id AND cl.open AND NOT cl.retired
    WHERE (c.state IN ('scheduled', 'running') OR c.name = %(name)s) AND c.sharing ? 'failover_after'
        AND EXISTS (
            SELECT FROM campaign_lanes part
            JOIN lanes l ON l.id = part.lane_id AND l.health IN ('refused', 'down')
            WHERE part.campaign_id = c.id AND part.open AND NOT part.retired AND part.pending > 0
        )
), beside AS (
    SELECT unnest(%(lanes)s::integer[]) AS id
    UNION
    SELECT limited.lane_id FROM limited WHERE limited.limit_id = ANY (%(limits)s::integer[])
    UNION
    SELECT other.lane_id
    FROM beside
    JOIN limited own ON own.lane_id = beside.id
    JOIN limited other ON other.limit_id = own.limit_id
)
SELECT
    l.id,
    i.name AS instance,
    coalesce(1 / i.typical_rate_per_second, 0) AS interval,
    i.rate_per_second AS pace_rate,
    ( -- of a span from which any moment is as likely, a twelfth of its square
        coalesce(power(greatest(0, (i.gaps #>> '{gap,most}')::float8 - i.interval_seconds), 2), 0)
        + coalesce(
            power((i.gaps #>> '{rest,span,most}')::float8 - (i.gaps #>> '{rest,span,least}')::float8, 2)
                / (i.gaps #>> '{rest,after}')::float8,
            0
        )
    ) / 12 AS variance,
    i.tolerance_seconds AS tolerance,
    i.burst,
    i.gaps,
    i.max_in_flight,
    extract(epoch FROM greatest(l.clock - now(), '0'))::float8 AS debt,
    coalesce(extract(epoch FROM greatest(l.not_before - now(), '0')), 0)::float8 AS rests,
    l.health IN ('paused', 'refused', 'down') AS is_stopped,
    CASE WHEN l.health IN ('refused', 'down') THEN l.health_since END AS trouble_since,
    l.health = 'down' AS is_down,
    lately.tried,
    lately.again,
    lately.latency,
    coalesce(lately.latency_variance, 0) AS latency_variance,
    coalesce(lately.latency_drift, 0) AS latency_drift,
    hours.document AS hours,
    ARRAY(SELECT ll.limit_id FROM lane_limits ll WHERE ll.lane_id = l.id ORDER BY ll.limit_id) AS limits,
    now() AS now
FROM lanes l
JOIN instances i ON i.id = l.id
LEFT JOIN opening_hours hours ON hours.id = i.hours_id
CROSS JOIN LATERAL (
    WITH latest AS MATERIALIZED (
        SELECT
            outcome,
            (CASE WHEN outcome = 'accepted' THEN duration_ms END / 1000.0)::float8 AS seconds,
            ntile(10) OVER (ORDER BY finished_at) AS tenth
        FROM (
            SELECT outcome, duration_ms, finished_at
            FROM attempts
            WHERE account_id = i.account_id AND finished_at BETWEEN now() - interval '1 hour' AND now()
                AND NOT EXISTS (
                    SELECT FROM lane_troubles t
                    WHERE t.lane_id = l.id AND t.health IN ('down', 'refused')
                        AND attempts.finished_at >= t.began_at AND attempts.finished_at < t.ended_at
                )
            ORDER BY finished_at DESC
            LIMIT %(most)s
        ) found
    )
    SELECT
        count(*) AS tried,
        count(*) FILTER (WHERE outcome IN ('throttled', 'not_sent')) AS again,
        avg(seconds) AS latency,
        var_samp(seconds) AS latency_variance,
        (SELECT var_samp(mean) FROM (SELECT avg(seconds) AS mean FROM latest GROUP BY tenth) tenths) AS latency_drift
    FROM latest
) lately
WHERE l.id IN (SELECT beside.id FROM beside)
ORDER BY l.id
