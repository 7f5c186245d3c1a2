SELECT /* shared_files */
-- The files of a campaign that go to several phones, under whatever paths: the most shared ones first.
    min(f.path) AS path, count(DISTINCT m.phone) AS phones
FROM messages m
JOIN campaigns c ON c.id = m.campaign_id AND c.segment = m.segment
JOIN campaign_files f ON f.campaign_id = c.id AND f.path = m.variables ->> c.file_column
WHERE c.id = %(campaign_id)s
GROUP BY f.content_id
HAVING count(DISTINCT m.phone) > 1
ORDER BY phones DESC, path
