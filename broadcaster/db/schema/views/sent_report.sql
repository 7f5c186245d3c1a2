CREATE VIEW sent_report AS
SELECT
    c.id AS campaign_id,
    c.name AS campaign,
    coalesce(n.sent, 0) AS sent,
    coalesce(s.accepted, 0) AS accepted,
    -- What was purged is still told by its proof.
    coalesce((p.doubts ->> 'found')::bigint, d.found) AS found,
    t.settled
FROM campaigns c
LEFT JOIN purges p ON p.campaign_id = c.id
CROSS JOIN LATERAL (
    SELECT sum(cl.sent)::bigint AS sent FROM campaign_lanes cl WHERE cl.campaign_id = c.id
) n
CROSS JOIN LATERAL (
    SELECT sum(each_slot.attempts)::bigint AS accepted
    FROM attempt_slots each_slot
    WHERE each_slot.campaign_id = c.id AND each_slot.outcome = 'accepted'
) s
CROSS JOIN LATERAL (
    SELECT count(*) AS found
    FROM doubts
    WHERE doubts.segment = c.segment AND doubts.campaign_id = c.id AND doubts.resolved_as = 'found'
) d
CROSS JOIN LATERAL (
    SELECT count(*) AS settled
    FROM settlements
    WHERE settlements.campaign_id = c.id AND settlements.to_state = 'sent'
) t
WHERE c.test_of IS NULL;
COMMENT ON VIEW sent_report IS
    'One row per campaign: why its messages count as sent. sent always equals accepted + found + settled.';
