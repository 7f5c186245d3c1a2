SELECT /* settleable_messages */
-- The messages that an operator may settle, now or, where they are in doubt, in `wait` seconds.
    m.phone,
    m.state,
    m.changed_at AS since,
    m.reason,
    CASE WHEN m.state = 'unknown' THEN 0 ELSE greatest(
        0, extract(epoch FROM coalesce(d.ended_at, m.changed_at) + %(settle)s - now())
    ) END::double precision AS wait
FROM campaigns c
JOIN messages m ON m.segment = c.segment AND m.campaign_id = c.id
LEFT JOIN doubts d
    ON d.segment = m.segment AND d.campaign_id = m.campaign_id AND d.seq = m.seq AND d.attempt = m.attempt
WHERE c.id = %(campaign_id)s
    AND m.lane_id IN (SELECT lane_id FROM campaign_lanes WHERE campaign_id = c.id)
    AND m.state IN ('unknown', 'in_doubt')
    AND m.phone IS NOT NULL -- who was forgotten stays so
    AND (%(phones)s::text[] IS NULL OR m.phone = ANY (%(phones)s::text[]))
ORDER BY m.seq
