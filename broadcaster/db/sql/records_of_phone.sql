SELECT /* records_of_phone */
-- What is stored of a number: its messages, its rows in audiences, and the rejected rows that it is written in.
    (
        SELECT coalesce(jsonb_agg(jsonb_build_object(
            'campaign', c.name, 'state', m.state, 'changed_at', m.changed_at, 'variables', m.variables
        ) ORDER BY c.id), '[]')
        FROM campaigns c
        CROSS JOIN LATERAL ( -- by key, whatever is known of a table that has just been filled
            SELECT * FROM messages WHERE segment = c.segment AND campaign_id = c.id AND phone = %(phone)s OFFSET 0
        ) m
    ) AS messages,
    (
        SELECT coalesce(jsonb_agg(jsonb_build_object(
            'audience', a.name, 'variables', m.variables, 'added_at', m.added_at
        ) ORDER BY a.name), '[]')
        FROM audiences a
        JOIN audience_members m ON m.audience_id = a.id AND m.phone = %(phone)s
    ) AS audiences,
    (
        SELECT coalesce(jsonb_agg(jsonb_build_object(
            'campaign', c.name, 'line', r.line, 'phone', r.phone, 'reason', r.reason
        ) ORDER BY c.id, r.line), '[]')
        FROM rejected_recipients r
        JOIN campaigns c ON c.id = r.campaign_id
        WHERE spells(r.phone, %(phone)s)
    ) AS rejected
