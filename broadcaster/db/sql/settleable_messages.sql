-- The messages that an operator may settle: unknown, or in doubt past the settle time.
SELECT m.phone, m.state, m.changed_at AS since, m.reason
FROM campaigns c
JOIN messages m ON m.segment = c.segment AND m.campaign_id = c.id
LEFT JOIN doubts d
    ON d.segment = m.segment AND d.campaign_id = m.campaign_id AND d.seq = m.seq AND d.attempt = m.attempt
WHERE c.id = %(campaign_id)s
    AND m.lane_id IN (SELECT lane_id FROM campaign_lanes WHERE campaign_id = c.id)
    AND (
        m.state = 'unknown'
        OR (m.state = 'in_doubt' AND coalesce(d.ended_at, m.changed_at) <= now() - %(settle)s)
    )
    AND (%(phones)s::text[] IS NULL OR m.phone = ANY (%(phones)s::text[]))
ORDER BY m.seq
