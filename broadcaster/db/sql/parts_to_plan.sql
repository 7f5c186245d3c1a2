SELECT /* parts_to_plan */
-- What is left to send through lanes, by campaign and lane and, where its hours go by the recipient, by group of
-- recipients. What is being sent counts as one more group. Drafts and paused campaigns have no part in it, but for the
-- one called %(name)s: before its start, or where it is paused, it is as if that ended now.
    c.id AS campaign,
    c.name,
    c.priority,
    cl.lane_id,
    part.messages,
    g.country,
    g.zones,
    hours.document AS hours,
    greatest(
        CASE WHEN c.started_at IS NULL THEN c.starts_at END,
        CASE WHEN c.state = 'running' AND cl.next_due_at <> 'infinity' THEN cl.next_due_at END,
        now()
    ) AS not_before,
    c.expires_at,
    ARRAY(
        SELECT held.limit_id FROM campaign_limits held WHERE held.campaign_id = c.id ORDER BY held.limit_id
    ) AS limits,
    c.care,
    coalesce(judged.open_slices, 0) AS open_slices,
    judged.next_slice_at,
    cl.pending + cl.sending AS of_lane,
    cl.total - cl.skipped - cl.cancelled - cl.expired AS leaving,
    c.state = 'running' AND cl.sending = 0 AND cl.next_due_at = 'infinity' AS is_held
FROM campaigns c
JOIN campaign_lanes cl ON cl.campaign_id = c.id AND NOT cl.retired
LEFT JOIN campaign_judgements judged ON judged.campaign_id = c.id
LEFT JOIN opening_hours hours ON hours.id = c.hours_id
    AND hours.document ?| ARRAY['windows', 'is_legal', 'holidays', 'days_off']
CROSS JOIN LATERAL (
    SELECT 0::smallint AS recipient_group, cl.pending + cl.sending AS messages
    WHERE NOT hours.document ?| ARRAY['is_by_recipient', 'is_legal'] IS TRUE
    UNION ALL
    SELECT 0::smallint, cl.sending
    WHERE hours.document ?| ARRAY['is_by_recipient', 'is_legal'] IS TRUE
    UNION ALL
    SELECT m.recipient_group, count(*)
    FROM messages m
    WHERE hours.document ?| ARRAY['is_by_recipient', 'is_legal'] IS TRUE
        AND m.segment = c.segment AND m.campaign_id = c.id AND m.lane_id = cl.lane_id AND m.state = 'pending'
    GROUP BY m.recipient_group
) part
LEFT JOIN recipient_groups g ON g.id = part.recipient_group
WHERE cl.open AND cl.lane_id = ANY (%(lanes)s::integer[]) AND part.messages > 0
    AND (c.state IN ('scheduled', 'running') OR c.name = %(name)s)
ORDER BY c.id, cl.lane_id, part.recipient_group
