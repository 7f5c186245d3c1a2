SELECT /* skipped_by_reason */
-- How many messages of campaigns were skipped so far, and why.
f.campaign_id, f.reason, sum(f.messages)::bigint AS messages
FROM failure_counts f
WHERE f.campaign_id = ANY (%(campaigns)s::bigint[]) AND f.state = 'skipped' AND f.messages > 0
GROUP BY f.campaign_id, f.reason
ORDER BY f.campaign_id, f.reason
