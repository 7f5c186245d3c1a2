SELECT /* open_messages */
-- Whom a campaign may yet send to, in file order.
    phone,
    variables
FROM messages
WHERE segment = (SELECT segment FROM campaigns WHERE id = %(campaign_id)s) AND campaign_id = %(campaign_id)s
    AND state IN ('pending', 'sending', 'in_doubt')
ORDER BY seq
