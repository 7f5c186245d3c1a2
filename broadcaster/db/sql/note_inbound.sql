INSERT /* note_inbound */ INTO inbound_messages (
    account_id, lane_id, identity, gateway_id, chat, phone, body, kind, said_at, campaign_id, seq, messaged_at, meaning
)
-- Takes in what people wrote, each message once whoever has read it before. It is linked to the campaign that last
-- messaged the person, under any form of the number: by this instance, before it was written, and lately, in this order.
-- What was written before a message, by more than clocks may differ, is no reply to it. That can only be said where the
-- gateway's clock is known to have come so far: others are late by hours, and all that they date seems to be older.
-- Returns those that were new.
SELECT
    %(account)s, %(lane_id)s, decode(said.identity, 'hex'), said.gateway_id, said.chat, coalesce(last.phone, said.phone),
    said.body, said.kind, said.said_at, last.campaign_id, last.seq, last.messaged_at, said.meaning
FROM jsonb_to_recordset(%(messages)s) AS said (
    identity text, gateway_id text, chat text, phone text, forms text[], body text, kind text, said_at timestamptz,
    meaning inbound_meaning
)
LEFT JOIN inboxes b ON b.account_id = %(account)s
LEFT JOIN LATERAL (
    SELECT m.campaign_id, m.seq, m.phone, sent.messaged_at
    FROM campaigns c
    CROSS JOIN LATERAL ( -- by key, whatever is known of a table that has just been filled
        SELECT segment, campaign_id, seq, phone, lane_id, state, attempt, changed_at
        FROM messages
        WHERE segment = c.segment AND campaign_id = c.id AND phone = ANY (said.forms)
        OFFSET 0
    ) m
    LEFT JOIN doubts d
        ON d.segment = m.segment AND d.campaign_id = m.campaign_id AND d.seq = m.seq AND d.attempt = m.attempt
    -- What was in doubt left long before it was known to be sent.
    CROSS JOIN LATERAL (SELECT coalesce(d.started_at, m.changed_at) AS messaged_at) sent
    WHERE c.started_at IS NOT NULL AND c.test_of IS NULL AND c.purged_at IS NULL
        AND m.state IN ('sending', 'sent', 'in_doubt', 'unknown')
        AND (
            sent.messaged_at <= said.said_at + %(tolerance)s
            OR (b.listed_until >= sent.messaged_at - %(tolerance)s) IS NOT TRUE
        )
    -- Messages are dated to the second by some gateways.
    ORDER BY
        m.lane_id = %(lane_id)s DESC,
        sent.messaged_at <= said.said_at + interval '1 s' DESC,
        sent.messaged_at DESC
    LIMIT 1
) last ON true
ORDER BY decode(said.identity, 'hex')
ON CONFLICT (account_id, identity) DO NOTHING
RETURNING id, phone, body, meaning, said_at
