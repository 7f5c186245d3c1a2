SELECT /* reply_figures */
-- What came back for a campaign. The same after a purge, which takes words and numbers alone.
    replies,
    answered,
    opted_out_by_reply,
    near_misses,
    seconds_to_first_reply
FROM reply_report
WHERE campaign_id = %(campaign_id)s
