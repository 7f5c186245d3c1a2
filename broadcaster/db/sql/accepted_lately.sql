-- A message that the gateway is known to have taken through the lane: the latest one of the last %(within)s, by a clock
-- that has not been put back since.
SELECT
    m.phone,
    a.segment,
    a.campaign_id,
    a.seq,
    a.attempt,
    a.finished_at - make_interval(secs => coalesce(a.duration_ms, 0) / 1000.0) AS accepted_at
FROM attempts a
JOIN messages m ON m.segment = a.segment AND m.campaign_id = a.campaign_id AND m.seq = a.seq
WHERE a.finished_at > greatest(now() - %(within)s, (SELECT max(steady_since) FROM ticks))
    AND a.finished_at <= now()
    AND a.lane_id = %(lane)s AND a.outcome = 'accepted'
ORDER BY a.finished_at DESC
LIMIT 1
