SELECT /* rejected_recipients */
-- The rows of a campaign's recipients file that became no message.
line, phone, reason
FROM rejected_recipients
WHERE campaign_id = %(campaign_id)s
ORDER BY line
