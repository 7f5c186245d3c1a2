UPDATE /* hold_audience_campaign */
-- A campaign over an audience whose conditions cannot be evaluated waits for an operator, and says why.
campaigns
SET state = 'paused', state_reason = %(reason)s
WHERE id = %(campaign_id)s AND state = 'scheduled' AND started_at IS NULL
