INSERT /* note_inbound */ INTO inbound_messages (
    account_id, lane_id, identity, gateway_id, chat, phone, body, kind, said_at, campaign_id, seq, messaged_at, meaning
)
-- Takes in what people wrote, each message once whoever has read it before. It is linked to the campaign that last
-- messaged the person, under any form of the number: by this instance, before it was written, and lately, in this order.
-- Returns those that were new.
SELECT
    %(account)s, %(lane_id)s, decode(said.identity, 'hex'), said.gateway_id, said.chat, coalesce(last.phone, said.phone),
    said.body, said.kind, said.said_at, last.campaign_id, last.seq, last.messaged_at, said.meaning
FROM jsonb_to_recordset(%(messages)s) AS said (
    identity text, gateway_id text, chat text, phone text, forms text[], body text, kind text, said_at timestamptz,
    meaning inbound_meaning
)
LEFT JOIN LATERAL (
    SELECT m.campaign_id, m.seq, m.phone, m.changed_at AS messaged_at
    FROM campaigns c
    CROSS JOIN LATERAL ( -- by key, whatever is known of a table that has just been filled
        SELECT campaign_id, seq, phone, lane_id, state, changed_at
        FROM messages
        WHERE segment = c.segment AND campaign_id = c.id AND phone = ANY (said.forms)
        OFFSET 0
    ) m
    WHERE c.started_at IS NOT NULL AND c.test_of IS NULL AND c.purged_at IS NULL
        AND m.state IN ('sending', 'sent', 'in_doubt', 'unknown')
    -- Messages are dated to the second by some gateways.
    ORDER BY m.lane_id = %(lane_id)s DESC, m.changed_at <= said.said_at + interval '1 s' DESC, m.changed_at DESC
    LIMIT 1
) last ON true
ORDER BY decode(said.identity, 'hex')
ON CONFLICT (account_id, identity) DO NOTHING
RETURNING id, phone, body, meaning, said_at
