SELECT /* recipient_file */ content.body
FROM campaign_files f
JOIN contents content ON content.id = f.content_id
WHERE f.campaign_id = %(campaign_id)s AND f.path = %(path)s
