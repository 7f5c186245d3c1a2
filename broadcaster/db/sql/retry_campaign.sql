-- Failed messages are provably not accepted (invariant I4), so that sending them again doubles nothing.
WITH retried AS (
    UPDATE messages m
    SET state = 'pending', changed_at = now(), spent = 0, next_attempt_at = now(), reason = NULL
    FROM campaigns c
    WHERE c.id = %(campaign_id)s AND m.segment = c.segment AND m.campaign_id = c.id AND m.state = 'failed'
    RETURNING 1
), opened AS (
    -- After the messages, as everywhere: locks taken in one order cannot deadlock.
    UPDATE campaign_lanes SET open = true
    WHERE campaign_id = %(campaign_id)s AND NOT open AND (SELECT count(*) FROM retried) > 0
)
UPDATE campaigns
SET
    state = CASE WHEN state = 'finished' AND (SELECT count(*) FROM retried) > 0 THEN 'running' ELSE state END,
    finished_at = CASE WHEN state = 'finished' AND (SELECT count(*) FROM retried) = 0 THEN finished_at END
WHERE id = %(campaign_id)s
RETURNING state, (SELECT count(*) FROM retried) AS messages
