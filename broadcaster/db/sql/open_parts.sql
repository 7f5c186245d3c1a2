SELECT /* open_parts */
-- What is left to send of a running campaign, by lane (`domain.dealing.OpenPart`).
    cl.pending + cl.sending AS messages,
    i.interval_seconds AS interval,
    coalesce(
        extract(
            epoch FROM greatest(l.not_before, CASE WHEN cl.next_due_at > now() THEN cl.next_due_at END, now()) - now()
        ),
        0
    )::float8 AS rests,
    l.health IN ('paused', 'refused', 'down') AS is_stopped
FROM campaigns c
JOIN campaign_lanes cl ON cl.campaign_id = c.id
JOIN instances i ON i.id = cl.lane_id
JOIN lanes l ON l.id = cl.lane_id
WHERE c.name = %(name)s AND c.state = 'running'
