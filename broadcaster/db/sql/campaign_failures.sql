SELECT /* campaign_failures */
-- Why messages of a campaign were not sent, the most frequent reason first.
instance, state, reason, messages, example_phone, latest
FROM failure_report
WHERE campaign_id = %(campaign_id)s
ORDER BY messages DESC, reason
