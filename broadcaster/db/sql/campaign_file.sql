SELECT /* campaign_file */ content.body
FROM campaigns c
JOIN contents content ON content.id = c.content_id
WHERE c.id = %(campaign_id)s
