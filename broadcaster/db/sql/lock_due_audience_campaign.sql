SELECT /* lock_due_audience_campaign */
-- A campaign over an audience that is to start now, locked; nothing where it is not, or somebody else starts it.
    c.id,
    c.segment,
    c.audience_id,
    a.name AS audience,
    a.variables AS columns,
    c.audience_filter AS conditions,
    c.variables AS campaign_variables,
    content.kind,
    CASE WHEN content.kind = 'file' THEN ''::bytea ELSE content.body END AS body,
    c.caption,
    c.filename
FROM campaigns c
JOIN audiences a ON a.id = c.audience_id
JOIN contents content ON content.id = c.content_id
WHERE c.id = %(campaign_id)s AND c.state = 'scheduled' AND c.starts_at <= now() AND c.started_at IS NULL
FOR NO KEY UPDATE OF c SKIP LOCKED
