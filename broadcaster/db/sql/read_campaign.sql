SELECT /* read_campaign */
-- What a campaign sends and to whom. For a file the body is left out. What starts late, starts for the day on which it
-- was due (`due_at`); what somebody has yet to start or to resume, for the day on which that is done, or when it is due then.
    c.id,
    c.state,
    c.source,
    c.starts_at,
    CASE WHEN c.state = 'scheduled' THEN c.starts_at ELSE greatest(c.starts_at, now()) END AS due_at,
    c.started_at,
    c.purged_at,
    c.content_version,
    v.content_id,
    content.kind,
    CASE WHEN content.kind = 'file' THEN ''::bytea ELSE content.body END AS body,
    v.caption,
    v.filename,
    v.locale,
    c.file_column,
    c.max_attempts,
    c.require_consent,
    c.care,
    c.sharing,
    (
        SELECT jsonb_object_agg(l.name, l.id)
        FROM campaign_limits held
        JOIN limits l ON l.id = held.limit_id
        WHERE held.campaign_id = c.id
    ) AS limits,
    c.priority,
    c.segment,
    c.hours_id,
    hours.document AS hours,
    c.expires_at,
    c.audience_id,
    a.name AS audience,
    a.variables AS columns,
    c.audience_filter AS conditions,
    c.variables AS campaign_variables
FROM campaigns c
JOIN content_versions v ON v.campaign_id = c.id AND v.version = c.content_version
JOIN contents content ON content.id = v.content_id
LEFT JOIN audiences a ON a.id = c.audience_id
LEFT JOIN opening_hours hours ON hours.id = c.hours_id
    -- Without any of these they are open always, for recipients in groups.
    AND hours.document ?| ARRAY['windows', 'is_legal', 'holidays', 'days_off']
WHERE c.name = %(name)s AND c.test_of IS NULL
