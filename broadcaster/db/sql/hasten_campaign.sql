UPDATE /* hasten_campaign */
-- A campaign that has time yet is due now: once it is scheduled, the next tick starts it.
campaigns
SET starts_at = now()
WHERE id = %(campaign_id)s AND state IN ('draft', 'scheduled') AND starts_at > now()
