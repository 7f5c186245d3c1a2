INSERT /* copy_recipient_file */ INTO campaign_files (campaign_id, path, content_id, messages)
-- A test of a campaign sends one of its files once.
SELECT %(test_id)s, path, content_id, 1
FROM campaign_files
WHERE campaign_id = %(campaign_id)s AND path = %(path)s
