SELECT /* paced_lanes */
-- At which pace, when, and under which limits each lane of a campaign may send, as it is now.
    i.name AS instance,
    i.rate_per_second AS rate,
    i.burst,
    hours.document AS hours,
    coalesce(
        (
            SELECT jsonb_agg(
                jsonb_build_object('name', f.name, 'most', f.most, 'span_seconds', f.span_seconds)
                ORDER BY f.span_seconds, f.id
            )
            FROM lane_limits ll
            JOIN limits f ON f.id = ll.limit_id
            WHERE ll.lane_id = i.id
        ),
        '[]'
    ) AS limits,
    i.read_replies_seconds IS NOT NULL AS reads_replies
FROM campaign_lanes cl
JOIN instances i ON i.id = cl.lane_id
LEFT JOIN opening_hours hours ON hours.id = i.hours_id
WHERE cl.campaign_id = %(campaign_id)s AND NOT cl.retired
ORDER BY i.name
