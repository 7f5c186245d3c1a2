SELECT /* sent_figures */
-- Why the messages of a campaign count as sent.
    accepted,
    found,
    settled
FROM sent_report
WHERE campaign_id = %(campaign_id)s
