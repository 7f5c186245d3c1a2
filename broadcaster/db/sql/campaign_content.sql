SELECT /* campaign_content */
    content.kind,
    CASE WHEN content.kind = 'file' THEN ''::bytea ELSE content.body END,
    c.caption,
    c.filename,
    c.locale,
    c.file_column
FROM campaigns c
JOIN contents content ON content.id = c.content_id
WHERE c.id = %(campaign_id)s
