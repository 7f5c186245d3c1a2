-- Which intents were committed, after the connection was lost while they were: those that stand as written.
SELECT m.campaign_id, m.seq
FROM jsonb_to_recordset(%(rows)s) AS r (segment bigint, campaign_id bigint, seq int, attempt smallint, token uuid)
JOIN messages m
    ON m.segment = r.segment
    AND m.campaign_id = r.campaign_id
    AND m.seq = r.seq
    AND m.state = 'sending'
    AND m.attempt = r.attempt
    AND m.lease_token = r.token
