WITH /* traces_of_phone */
-- What there is of a number, under any of its forms: its messages by state, and how often it is in audiences, among
-- rejected rows, opt-outs, consents and replies. `forget_phone` counts the same.
theirs AS (
    SELECT m.state
    FROM campaigns c
    CROSS JOIN LATERAL ( -- by key, whatever is known of a table that has just been filled
        SELECT state FROM messages WHERE segment = c.segment AND campaign_id = c.id AND phone = ANY (%(phones)s::text[])
        OFFSET 0
    ) m
)
SELECT
    (
        SELECT coalesce(jsonb_object_agg(state, n), '{}')
        FROM (SELECT state, count(*) AS n FROM theirs GROUP BY state) counted
    ) AS messages,
    (
        SELECT count(*) FROM audiences a JOIN audience_members m ON m.audience_id = a.id AND m.phone = ANY (%(phones)s::text[])
    ) AS members,
    (SELECT count(*) FROM rejected_recipients r WHERE spells(r.phone, (%(phones)s::text[])[1])) AS rejected,
    (
        SELECT count(*)
        FROM opt_outs o
        WHERE o.forms <@ %(phones)s::text[]
            AND ((o.phone = ANY (%(phones)s::text[]) AND o.ended_at IS NULL)
                OR (o.phone = ANY (%(phones)s::text[]) AND o.ended_at IS NOT NULL))
    ) AS opt_outs,
    (SELECT count(*) FROM consent_records r WHERE r.phone = ANY (%(phones)s::text[])) AS consents,
    (
        SELECT count(*)
        FROM inbound_messages r
        WHERE r.phone = ANY (%(phones)s::text[]) OR (r.chat = ANY (%(phones)s::text[]) AND r.chat IS NOT NULL)
    ) AS replies
