INSERT /* copy_recipient_files */ INTO campaign_files (campaign_id, path, content_id, messages)
SELECT %(clone_id)s, path, content_id, messages
FROM campaign_files
WHERE campaign_id = %(campaign_id)s
