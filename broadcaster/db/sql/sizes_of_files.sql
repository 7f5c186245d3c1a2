SELECT /* sizes_of_files */ f.path, octet_length(content.body) AS bytes
FROM campaign_files f
JOIN contents content ON content.id = f.content_id
WHERE f.campaign_id = %(campaign_id)s AND f.path = ANY(%(paths)s)
