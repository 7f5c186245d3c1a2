SELECT /* is_of_schedule */
-- Whether a schedule submitted a campaign.
EXISTS (SELECT FROM occurrences WHERE campaign_id = %(campaign_id)s)
