WITH /* free_put_off */
-- Messages that wait for their person are due again, since other rules hold from now on: the claim decides. Those of one
-- campaign, or (%(campaign_id)s null) of all. What somebody else holds waits for as long as it was to wait.
waiting AS MATERIALIZED (
    SELECT m.segment, m.campaign_id, m.seq
    FROM campaigns c
    JOIN messages m ON m.segment = c.segment AND m.campaign_id = c.id
    WHERE c.state IN ('scheduled', 'running', 'paused') AND c.started_at IS NOT NULL
        AND (%(campaign_id)s::bigint IS NULL OR c.id = %(campaign_id)s)
        AND m.state = 'pending' AND m.next_attempt_at > now() AND m.next_attempt_at < 'infinity'
        AND m.reason IN ('cooldown', 'cap')
    ORDER BY m.campaign_id, m.seq
    FOR UPDATE OF m SKIP LOCKED
)
UPDATE messages m
SET next_attempt_at = '-infinity'
FROM waiting
WHERE m.segment = waiting.segment AND m.campaign_id = waiting.campaign_id AND m.seq = waiting.seq
    AND m.state::text = 'pending'
