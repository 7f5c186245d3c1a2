WITH /* expire_messages */
-- What has not left when its campaign expires is expired, at most %(most)s messages at once. What is in flight or in doubt
-- gets its outcome first; if that makes it pending again, it is expired by the next of these. What somebody else has locked is
-- left to that one, too.
late AS MATERIALIZED (
    SELECT c.id, c.segment, cl.lane_id, groups.recipient_group
    FROM campaigns c
    JOIN campaign_lanes cl ON cl.campaign_id = c.id AND cl.open AND cl.pending > 0
    CROSS JOIN LATERAL (
        SELECT 0::smallint AS recipient_group WHERE c.hours_id IS NULL
        UNION ALL
        SELECT o.recipient_group FROM openings o WHERE o.hours_id = c.hours_id
    ) groups
    WHERE c.state IN ('scheduled', 'running', 'paused') AND c.expires_at <= now()
), due AS MATERIALIZED (
    SELECT late.segment, late.id AS campaign_id, each.seq
    FROM late
    CROSS JOIN LATERAL (
        SELECT m.seq
        FROM messages m
        WHERE m.segment = late.segment AND m.campaign_id = late.id AND m.lane_id = late.lane_id
            AND m.recipient_group = late.recipient_group AND m.state = 'pending'
        ORDER BY m.next_attempt_at, m.seq
        LIMIT %(most)s
        FOR UPDATE SKIP LOCKED
    ) each
    LIMIT %(most)s
)
UPDATE messages m
SET state = 'expired', changed_at = now(), reason = 'the campaign had expired'
FROM due
WHERE m.segment = due.segment AND m.campaign_id = due.campaign_id AND m.seq = due.seq AND m.state::text = 'pending'
RETURNING 1
