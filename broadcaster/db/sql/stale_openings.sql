SELECT /* stale_openings */
-- The openings that are over, of hours that may be asked for; those that were cut off, since nobody reckons further ahead, once an
-- hour; and those that were reckoned by a clock that has been put back.
    o.hours_id,
    o.recipient_group,
    h.document,
    g.country,
    g.zones,
    now() AS now
FROM openings o
JOIN opening_hours h ON h.id = o.hours_id
LEFT JOIN recipient_groups g ON g.id = o.recipient_group
WHERE (
        o.closes_at <= now()
        OR o.reckoned_at > now()
        OR o.closes_at <= now() + interval '1 day' AND o.reckoned_at <= now() - interval '1 hour'
    )
    AND (
        EXISTS (SELECT FROM instances i WHERE i.hours_id = o.hours_id)
        OR EXISTS (
            SELECT FROM campaigns c
            WHERE c.hours_id = o.hours_id AND c.state IN ('scheduled', 'running', 'paused')
        )
    )
