SELECT /* records_of_phone */
-- What is stored of a number, under any of its forms: to what she agreed, her messages and why she got them, what she
-- wrote, her opt-outs, who knows her, when she was messaged lately, her rows in audiences, and the rejected rows that the number is written in.
    (
        SELECT coalesce(jsonb_agg(jsonb_build_object(
            'given_on', a.given_on, 'source', a.source, 'words', a.words, 'came_with', a.came_with, 'by', a.operator,
            'command', a.command, 'noted_at', a.noted_at
        ) ORDER BY a.id), '[]')
        FROM consent_records a
        WHERE a.phone = ANY (%(phones)s::text[])
    ) AS consents,
    (
        SELECT coalesce(jsonb_agg(jsonb_build_object(
            'campaign', c.name, 'schedule', s.name, 'source', c.source, 'instance', i.name, 'state', m.state,
            'reason', m.reason, 'changed_at', m.changed_at, 'variables', m.variables
        ) ORDER BY c.id, m.seq), '[]')
        FROM campaigns c
        CROSS JOIN LATERAL ( -- by key, whatever is known of a table that has just been filled
            SELECT * FROM messages WHERE segment = c.segment AND campaign_id = c.id AND phone = ANY (%(phones)s::text[])
            OFFSET 0
        ) m
        LEFT JOIN instances i ON i.id = m.lane_id
        LEFT JOIN occurrences o ON o.campaign_id = c.id
        LEFT JOIN schedules s ON s.id = o.schedule_id
    ) AS messages,
    (
        SELECT coalesce(jsonb_agg(jsonb_build_object(
            'reply', r.id, 'said_at', r.said_at, 'instance', r.instance, 'campaign', r.campaign, 'meaning', r.meaning,
            'text', r.body
        ) ORDER BY r.id), '[]')
        FROM replies r
        WHERE r.phone = ANY (%(phones)s::text[])
    ) AS replies,
    (
        SELECT coalesce(jsonb_agg(jsonb_build_object(
            'stopped_at', o.stopped_at, 'instance', i.name, 'way', o.way, 'by', o.operator, 'words', o.words,
            'inbound_id', o.inbound_id, 'ended_at', o.ended_at, 'ended_way', o.ended_way, 'ended_by', o.ended_operator,
            'ended_words', o.ended_words
        ) ORDER BY o.id), '[]')
        FROM opt_outs o
        LEFT JOIN instances i ON i.id = o.lane_id
        WHERE (o.phone = ANY (%(phones)s::text[]) AND o.ended_at IS NULL)
            OR (o.phone = ANY (%(phones)s::text[]) AND o.ended_at IS NOT NULL)
    ) AS opt_outs,
    (
        SELECT coalesce(jsonb_agg(jsonb_build_object(
            'audience', a.name, 'variables', m.variables, 'added_at', m.added_at
        ) ORDER BY a.name), '[]')
        FROM audiences a
        JOIN audience_members m ON m.audience_id = a.id AND m.phone = ANY (%(phones)s::text[])
    ) AS audiences,
    (
        SELECT coalesce(jsonb_agg(jsonb_build_object(
            'instance', i.name, 'is_contact', k.is_contact, 'noted_at', k.noted_at
        ) ORDER BY i.name, k.is_contact), '[]')
        FROM known_phones k
        JOIN accounts a ON a.id = k.account_id
        LEFT JOIN instances i ON i.account_id = a.id
        WHERE k.phone = (%(phones)s::text[])[1]
    ) AS known_to,
    (
        SELECT coalesce(jsonb_agg(jsonb_build_object('claimed_at', moment) ORDER BY moment), '[]')
        FROM messaged_phones p
        CROSS JOIN unnest(p.moments) moment
        WHERE p.phone = ANY (%(phones)s::text[])
    ) AS messaged_lately,
    (
        SELECT coalesce(jsonb_agg(jsonb_build_object(
            'campaign', c.name, 'line', r.line, 'phone', r.phone, 'reason', r.reason
        ) ORDER BY c.id, r.line), '[]')
        FROM rejected_recipients r
        JOIN campaigns c ON c.id = r.campaign_id
        WHERE spells(r.phone, (%(phones)s::text[])[1])
    ) AS rejected
