SELECT /* instance_figures */
-- What a monitor wants to know of each instance. Reads counters, and of attempts the %(most)s latest of the last minute:
-- it costs the same whatever the backlog. What the gateway accepted is told by attempts, since a message also counts as
-- sent once an operator says so.
    i.name,
    l.health,
    l.health_reason,
    i.typical_rate_per_second AS permitted_per_second,
    l.lease_token IS NOT NULL AND l.lease_expires_at > now() AS is_held,
    counted.by_state,
    coalesce(taken.attempts, 0) AS accepted,
    coalesce(counted.oldest_due_seconds, 0) AS oldest_due_seconds,
    coalesce(lately.by_outcome, '{}') AS by_outcome,
    coalesce(lately.seconds, '{}') AS seconds
FROM instances i
JOIN lanes l ON l.id = i.id
CROSS JOIN LATERAL (
    SELECT
        jsonb_build_object(
            'pending', coalesce(sum(cl.pending), 0),
            'sending', coalesce(sum(cl.sending), 0),
            'sent', coalesce(sum(cl.sent), 0),
            'failed', coalesce(sum(cl.failed), 0),
            'in_doubt', coalesce(sum(cl.in_doubt), 0),
            'unknown', coalesce(sum(cl.unknown), 0),
            'skipped', coalesce(sum(cl.skipped), 0),
            'cancelled', coalesce(sum(cl.cancelled), 0),
            'expired', coalesce(sum(cl.expired), 0)
        ) AS by_state,
        extract(epoch FROM now() - min(greatest(cl.next_due_at, c.started_at)) FILTER (
            WHERE c.state = 'running' AND cl.open AND NOT cl.retired AND cl.pending > 0 AND cl.next_due_at <= now()
                AND NOT EXISTS ( -- what is left is held until the next slice opens
                    SELECT FROM campaign_judgements j WHERE j.campaign_id = c.id AND j.next_slice_at > now()
                )
                AND NOT EXISTS ( -- or until a limit that it shares has a place
                    SELECT FROM campaign_limits held
                    JOIN limits f ON f.id = held.limit_id
                    WHERE held.campaign_id = c.id AND f.free_at > now()
                )
        ))::double precision AS oldest_due_seconds
    FROM campaign_lanes cl
    JOIN campaigns c ON c.id = cl.campaign_id
    WHERE cl.lane_id = i.id AND c.test_of IS NULL AND c.state <> 'draft'
) counted
CROSS JOIN LATERAL (
    SELECT
        jsonb_build_object(
            'accepted', count(*) FILTER (WHERE outcome = 'accepted'),
            'rejected', count(*) FILTER (WHERE outcome = 'rejected'),
            'throttled', count(*) FILTER (WHERE outcome = 'throttled'),
            'not_sent', count(*) FILTER (WHERE outcome = 'not_sent'),
            'unknown', count(*) FILTER (WHERE outcome = 'unknown')
        ) AS by_outcome,
        percentile_cont(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY duration_ms / 1000.0) AS seconds
    FROM (
        SELECT outcome, duration_ms
        FROM attempts
        WHERE account_id = i.account_id AND finished_at BETWEEN now() - interval '1 minute' AND now()
        ORDER BY finished_at DESC
        LIMIT %(most)s
    ) latest
) lately
LEFT JOIN accepted_counts taken ON taken.account_id = i.account_id
ORDER BY i.name
