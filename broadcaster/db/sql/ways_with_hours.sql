SELECT /* ways_with_hours */
-- Of campaigns, the lanes that have messages of theirs, each with the groups of recipients that they may have them for, the
-- hours that have to be open for these, and the moment from which on they may leave, at the earliest. None of lanes and
-- campaigns that may always send.
    c.id AS campaign_id,
    cl.lane_id,
    recipients.id AS recipient_group,
    g.country,
    g.zones,
    hours.document AS hours,
    own.document AS instance_hours,
    greatest(CASE WHEN c.started_at IS NULL THEN c.starts_at END, now()) AS at
FROM campaigns c
JOIN campaign_lanes cl ON cl.campaign_id = c.id AND NOT cl.retired
JOIN instances i ON i.id = cl.lane_id
LEFT JOIN opening_hours hours ON hours.id = c.hours_id
LEFT JOIN opening_hours own ON own.id = i.hours_id
CROSS JOIN LATERAL (
    SELECT 0::smallint AS id WHERE c.hours_id IS NULL
    UNION ALL
    SELECT o.recipient_group FROM openings o WHERE o.hours_id = c.hours_id
) recipients
LEFT JOIN recipient_groups g ON g.id = recipients.id
WHERE c.id = ANY (%(campaigns)s::bigint[]) AND (c.hours_id IS NOT NULL OR i.hours_id IS NOT NULL)
ORDER BY c.id, cl.lane_id, recipients.id
