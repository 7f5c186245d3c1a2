UPDATE /* start_queued_campaign */
-- Where an operator has not started or cancelled it meanwhile.
campaigns
SET state = 'scheduled', starts_at = now()
WHERE id = %(campaign_id)s AND state = 'draft'
RETURNING id
