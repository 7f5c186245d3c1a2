WITH /* miscounted_lanes */
-- What contradicts invariant I1, in any campaign, all in one snapshot: counters that differ from a recount of messages,
-- and messages of a finished campaign that are not final.
-- That the nine counters add up to the total is a constraint of campaign_lanes. Of a closed campaign only what is not
-- final is recounted, which partial indexes hold: its history may be a hundred million rows.
campaign AS (
    SELECT id, segment, name, state = 'finished' AS finished, state IN ('finished', 'cancelled') AS closed
    FROM campaigns
),
counted AS (
    SELECT m.campaign_id, m.lane_id, m.state, count(*) AS messages
    FROM campaign c
    JOIN messages m ON m.segment = c.segment AND m.campaign_id = c.id
    WHERE NOT c.closed
    GROUP BY m.campaign_id, m.lane_id, m.state
    UNION ALL
    SELECT m.campaign_id, m.lane_id, m.state, count(*) AS messages
    FROM campaign c
    JOIN messages m ON m.segment = c.segment AND m.campaign_id = c.id
    WHERE c.closed AND m.state = 'pending'
    GROUP BY m.campaign_id, m.lane_id, m.state
    UNION ALL
    SELECT m.campaign_id, m.lane_id, m.state, count(*) AS messages
    FROM campaign c
    JOIN messages m ON m.segment = c.segment AND m.campaign_id = c.id
    WHERE c.closed AND m.state IN ('sending', 'in_doubt')
    GROUP BY m.campaign_id, m.lane_id, m.state
),
kept AS (
    SELECT cl.campaign_id, cl.lane_id, counter.state, counter.messages
    FROM campaign_lanes cl
    JOIN campaign c ON c.id = cl.campaign_id
    CROSS JOIN LATERAL (
        VALUES
            ('pending'::message_state, false, cl.pending),
            ('sending', false, cl.sending),
            ('in_doubt', false, cl.in_doubt),
            ('sent', true, cl.sent),
            ('failed', true, cl.failed),
            ('unknown', true, cl.unknown),
            ('skipped', true, cl.skipped),
            ('cancelled', true, cl.cancelled),
            ('expired', true, cl.expired)
    ) counter (state, final, messages)
    WHERE NOT (c.closed AND counter.final)
)
SELECT
    c.name AS campaign,
    i.name AS instance,
    state,
    coalesce(kept.messages, 0) AS kept,
    coalesce(counted.messages, 0) AS counted
FROM kept
FULL JOIN counted USING (campaign_id, lane_id, state)
JOIN campaign c ON c.id = campaign_id
JOIN instances i ON i.id = lane_id
WHERE coalesce(kept.messages, 0) <> coalesce(counted.messages, 0)
    OR (c.finished AND coalesce(counted.messages, 0) > 0)
ORDER BY c.name, i.name, state
