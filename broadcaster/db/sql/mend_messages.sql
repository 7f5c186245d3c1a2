WITH /* mend_messages */
-- Pending messages that came to be so in the future, by a clock that has been put back: each waits for as long as it was
-- to wait then. Of each counter and group of recipients only the message that is due last is looked at, unless the clock is
-- known to have been put back, by %(back)s seconds.
ahead AS (
    SELECT late.*
    FROM campaign_lanes cl
    JOIN campaigns c ON c.id = cl.campaign_id
    CROSS JOIN LATERAL ( -- the index of due messages has the group before the time
        SELECT 0::smallint AS recipient_group WHERE c.hours_id IS NULL
        UNION ALL
        SELECT o.recipient_group FROM openings o WHERE o.hours_id = c.hours_id
    ) groups
    CROSS JOIN LATERAL (
        SELECT m.changed_at
        FROM messages m
        WHERE m.segment = c.segment AND m.campaign_id = cl.campaign_id AND m.lane_id = cl.lane_id
            AND m.recipient_group = groups.recipient_group AND m.state = 'pending' AND m.next_attempt_at > now()
            AND m.next_attempt_at < 'infinity' -- which is held, and waits for no moment
        ORDER BY m.next_attempt_at DESC, m.seq DESC
        LIMIT 1
    ) latest
    CROSS JOIN LATERAL (
        SELECT m.segment, m.campaign_id, m.seq, m.next_attempt_at - m.changed_at AS wait
        FROM messages m
        WHERE m.segment = c.segment AND m.campaign_id = cl.campaign_id AND m.lane_id = cl.lane_id
            AND m.recipient_group = groups.recipient_group
            AND m.state = 'pending' AND m.next_attempt_at > now() AND m.next_attempt_at < 'infinity'
            AND m.changed_at > now() + interval '1 s'
        ORDER BY m.next_attempt_at, m.seq
        FOR UPDATE SKIP LOCKED
    ) late
    WHERE cl.open AND cl.pending > 0 AND (%(back)s > 0 OR latest.changed_at > now() + interval '1 s')
)
UPDATE messages m
SET changed_at = now(), next_attempt_at = now() + greatest(ahead.wait, interval '0')
FROM ahead
WHERE m.segment = ahead.segment AND m.campaign_id = ahead.campaign_id AND m.seq = ahead.seq
    AND m.state::text = 'pending'
