INSERT /* copy_files_of_rest */ INTO campaign_files (campaign_id, path, content_id, messages)
-- The files that recipients of a rest get, from the campaign of which it is one.
SELECT %(campaign_id)s, f.path, f.content_id, wanted.messages
FROM (
    SELECT variables ->> %(column)s AS path, count(*) AS messages
    FROM messages
    WHERE segment = %(segment)s AND campaign_id = %(campaign_id)s
    GROUP BY 1
) wanted
JOIN campaign_files f ON f.campaign_id = %(rest_of)s AND f.path = wanted.path
