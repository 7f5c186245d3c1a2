-- Invariant I3: the intent to send is committed before the request leaves. Only messages that this returns
-- may be sent: still claimed under a lease that still holds, of a campaign and through a lane that still run.
-- The state is compared as text, so that the key finds the rows and not an index on states.
UPDATE messages m
SET state = 'sending', attempt = m.attempt + 1, changed_at = now()
FROM jsonb_to_recordset(%(rows)s) AS r (segment bigint, campaign_id bigint, seq int, lane_id int, token uuid)
JOIN lanes l
    ON l.id = r.lane_id
    AND l.lease_token = r.token
    AND l.lease_expires_at > now()
    AND l.health NOT IN ('refused', 'paused')
JOIN campaigns c ON c.id = r.campaign_id AND c.state = 'running'
WHERE m.segment = r.segment AND m.campaign_id = r.campaign_id AND m.seq = r.seq
    AND m.state::text = 'claimed' AND m.lease_token = r.token
RETURNING m.campaign_id, m.seq
