SELECT /* lock_campaign_row */
-- Nobody else moves the campaign until the transaction ends; what is read after this was committed before.
id
FROM campaigns
WHERE id = %(campaign_id)s
FOR NO KEY UPDATE
