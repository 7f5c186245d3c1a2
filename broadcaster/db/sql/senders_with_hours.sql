SELECT /* senders_with_hours */
-- Open campaigns with something left for this lane, and schedules that use it, that have hours of their own; with the
-- groups of recipients for which these hours are kept.
    sender.noun,
    sender.name,
    hours.document AS hours,
    coalesce((
        SELECT jsonb_agg(jsonb_build_array(g.country, g.zones) ORDER BY g.id)
        FROM openings o
        JOIN recipient_groups g ON g.id = o.recipient_group
        WHERE o.hours_id = hours.id
    ), '[]') AS groups
FROM (
    SELECT 'campaign' AS noun, c.name, c.hours_id
    FROM campaigns c
    JOIN campaign_lanes cl ON cl.campaign_id = c.id
    WHERE cl.lane_id = %(lane_id)s
        AND NOT cl.retired
        AND c.state IN ('draft', 'scheduled', 'running', 'paused')
        AND (cl.pending > 0 OR c.started_at IS NULL)
    UNION ALL
    SELECT 'schedule', s.name, s.hours_id
    FROM schedules s
    JOIN schedule_lanes sl ON sl.schedule_id = s.id
    WHERE sl.lane_id = %(lane_id)s
        AND s.state <> 'ended'
) sender
JOIN opening_hours hours ON hours.id = sender.hours_id
ORDER BY sender.noun, sender.name
