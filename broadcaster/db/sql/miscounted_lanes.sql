-- Counters of open campaigns that differ from a recount of their messages (invariant I1), all in one snapshot.
WITH open_campaigns AS (
    SELECT id, segment, name FROM campaigns WHERE state NOT IN ('finished', 'cancelled', 'failed')
),
counted AS (
    SELECT m.campaign_id, m.lane_id, m.state, count(*) AS messages
    FROM open_campaigns c
    JOIN messages m ON m.segment = c.segment AND m.campaign_id = c.id
    GROUP BY m.campaign_id, m.lane_id, m.state
),
kept AS (
    SELECT cl.campaign_id, cl.lane_id, counter.state, counter.messages
    FROM campaign_lanes cl
    JOIN open_campaigns c ON c.id = cl.campaign_id
    CROSS JOIN LATERAL (
        VALUES
            ('pending'::message_state, cl.pending),
            ('claimed', cl.claimed),
            ('sending', cl.sending),
            ('sent', cl.sent),
            ('failed', cl.failed),
            ('in_doubt', cl.in_doubt),
            ('unknown', cl.unknown),
            ('skipped', cl.skipped),
            ('cancelled', cl.cancelled),
            ('expired', cl.expired)
    ) counter (state, messages)
)
SELECT
    c.name AS campaign,
    i.name AS instance,
    state,
    coalesce(kept.messages, 0) AS kept,
    coalesce(counted.messages, 0) AS counted
FROM kept
FULL JOIN counted USING (campaign_id, lane_id, state)
JOIN open_campaigns c ON c.id = campaign_id
JOIN instances i ON i.id = lane_id
WHERE coalesce(kept.messages, 0) <> coalesce(counted.messages, 0)
ORDER BY c.name, i.name, state
