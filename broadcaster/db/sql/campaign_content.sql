SELECT /* campaign_content */
-- What a version of a campaign's content says; `campaign_file` has the file of one.
    content.kind,
    CASE WHEN content.kind = 'file' THEN ''::bytea ELSE content.body END,
    v.caption,
    v.filename,
    v.locale,
    c.file_column
FROM campaigns c
JOIN content_versions v ON v.campaign_id = c.id AND v.version = %(version)s
JOIN contents content ON content.id = v.content_id
WHERE c.id = %(campaign_id)s
