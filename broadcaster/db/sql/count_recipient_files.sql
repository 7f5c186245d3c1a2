SELECT /* count_recipient_files */
-- The paths in a variable of a campaign's messages, and how many have each.
variables ->> %(column)s AS path, count(*) AS messages
FROM messages
WHERE segment = %(segment)s AND campaign_id = %(campaign_id)s
GROUP BY 1
ORDER BY 1
