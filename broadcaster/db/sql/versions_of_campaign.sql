SELECT /* versions_of_campaign */
-- What a campaign sends and sent before, and how many messages were sent with each; null where they are deleted.
    v.version,
    v.since,
    k.kind,
    CASE WHEN k.kind <> 'file' THEN convert_from(k.body, 'UTF8') END AS body,
    v.caption,
    v.filename,
    c.file_column,
    v.locale,
    CASE
        WHEN c.content_version = 1 THEN (
            SELECT coalesce(sum(cl.sent), 0)::bigint FROM campaign_lanes cl WHERE cl.campaign_id = c.id
        )
        WHEN c.purged_at IS NULL THEN (
            SELECT count(*)
            FROM messages m
            WHERE m.segment = c.segment AND m.campaign_id = c.id AND m.state = 'sent' AND m.content_version = v.version
        )
    END AS sent
FROM campaigns c
JOIN content_versions v ON v.campaign_id = c.id
JOIN contents k ON k.id = v.content_id
WHERE c.id = %(campaign_id)s
ORDER BY v.version
