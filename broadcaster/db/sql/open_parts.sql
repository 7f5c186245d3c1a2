SELECT /* open_parts */
-- What is left to send of a campaign, by lane and, where its hours go by the recipient, by group of recipients. What is being
-- sent counts as one more group. Before its start, or where it is paused, it is as if that ended now.
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
    c.expires_at
FROM campaigns c
JOIN campaign_lanes cl ON cl.campaign_id = c.id AND NOT cl.retired
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
WHERE c.name = %(name)s AND c.state NOT IN ('finished', 'cancelled') AND part.messages > 0
ORDER BY cl.lane_id, part.recipient_group
