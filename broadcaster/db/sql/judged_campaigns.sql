SELECT /* judged_campaigns */
-- Running campaigns that may pause themselves or open a slice, with their figures since they are judged: of messages that
-- were sent since then, and of their replies. Counters and opt-outs cost the same whatever the backlog is. Who had %(after)s
-- or more to answer is counted from the messages, so that is looked at once a minute, and when a slice is to open.
    c.id,
    c.care,
    j.since,
    j.open_slices,
    coalesce(j.next_slice_at <= now(), false) AS slice_is_due,
    j.open_slices < slices.count AND j.next_slice_at IS NULL AND j.released_slices = j.open_slices AND NOT EXISTS (
        SELECT
        FROM campaign_lanes cl
        WHERE cl.campaign_id = c.id AND (
            cl.sending > 0
            OR EXISTS (
                SELECT
                FROM due_from(c.segment, c.id, cl.lane_id, c.hours_id, '-infinity', interval '0') due
                WHERE due.moment < 'infinity'
            )
        )
    ) AS slice_has_left,
    n.sent,
    n.failed,
    n.read,
    CASE WHEN c.care -> 'stops' ? 'optouts' THEN (
        SELECT count(DISTINCT r.seq)
        FROM inbound_messages r
        WHERE r.campaign_id = c.id AND r.meaning = 'stop' AND r.messaged_at >= j.since
    ) ELSE 0 END AS opted_out,
    had_time.answerable,
    CASE WHEN had_time.answerable > 0 THEN (
        SELECT count(DISTINCT r.seq)
        FROM inbound_messages r
        WHERE r.campaign_id = c.id AND r.messaged_at BETWEEN j.since AND now() - slices.after
    ) ELSE 0 END AS answered
FROM campaign_judgements j
JOIN campaigns c ON c.id = j.campaign_id AND c.state = 'running'
CROSS JOIN LATERAL (
    SELECT
        coalesce(jsonb_array_length(c.care -> 'canary'), 0) + 1 AS count,
        make_interval(secs => coalesce((c.care ->> 'after')::float8, %(after)s)) AS after
) slices
CROSS JOIN LATERAL (
    SELECT
        coalesce(sum(cl.sent - coalesce(cl.sent_before, 0)), 0)::bigint AS sent,
        coalesce(sum(greatest(0, cl.failed - coalesce(cl.failed_before, 0))), 0)::bigint AS failed,
        coalesce(sum(cl.sent - coalesce(cl.sent_before, 0)) FILTER (WHERE i.read_replies_seconds IS NOT NULL), 0)::bigint
            AS read
    FROM campaign_lanes cl
    JOIN instances i ON i.id = cl.lane_id
    WHERE cl.campaign_id = c.id
) n
CROSS JOIN LATERAL (
    SELECT CASE WHEN c.care -> 'stops' ? 'replies' AND least(j.replies_due_at, j.next_slice_at) <= now() THEN (
        SELECT count(*)
        FROM messages m
        JOIN instances i ON i.id = m.lane_id AND i.read_replies_seconds IS NOT NULL
        WHERE m.segment = c.segment AND m.campaign_id = c.id AND m.state = 'sent'
            AND m.changed_at BETWEEN j.since AND now() - slices.after
    ) END AS answerable
) had_time
WHERE c.care ? 'stops' OR j.open_slices < slices.count
ORDER BY c.id
