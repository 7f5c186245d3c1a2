UPDATE /* stop_campaign */
-- A campaign that has passed one of its own limits is paused, with its figures; unless it was let go on since these were
-- counted. The caller has its row locked before, so that this sees whatever was committed.
campaigns c
SET state = 'paused', state_reason = %(reason)s
FROM campaign_judgements j
WHERE c.id = %(campaign_id)s AND c.state = 'running' AND j.campaign_id = c.id AND j.since = %(since)s
RETURNING c.name
