SELECT /* campaign_file */ content.body
FROM content_versions v
JOIN contents content ON content.id = v.content_id
WHERE v.campaign_id = %(campaign_id)s AND v.version = %(version)s
