SELECT /* parts_to_plan */
-- What is left to send through lanes, by campaign and lane and, where its hours go by the recipient, by group of
-- recipients. What is being sent is apart: it leaves at once, and has its slots and its places in the limits. Messages that
-- wait for their people are apart as well, by the rule and by when these are free again, in %(pieces)s pieces of as many
-- messages, whatever is looked at again before (`person_free_at`); null: they will be skipped, since they are not free when
-- it is looked at them again. Drafts and paused campaigns have no part in it, but for the one
-- called %(name)s: before its start, or where it is paused, it is as if that ended now.
    c.id AS campaign,
    c.name,
    c.priority,
    cl.lane_id,
    part.messages,
    part.recipient_group,
    g.country,
    g.zones,
    hours.document AS hours,
    greatest(
        CASE WHEN c.started_at IS NULL THEN c.starts_at END,
        CASE -- Windows are planned: that they open is no moment before which nothing is waited for.
            WHEN c.state = 'running' AND NOT part.is_under_way AND cl.next_due_at <> 'infinity'
                AND NOT EXISTS (SELECT FROM openings o WHERE o.hours_id = c.hours_id AND o.opens_at = cl.next_due_at)
            THEN cl.next_due_at
        END,
        part.last_free_at,
        now()
    ) AS not_before,
    part.rule,
    part.first_free_at,
    CASE WHEN NOT part.is_under_way THEN c.expires_at END AS expires_at,
    part.is_under_way,
    ARRAY(
        SELECT held.limit_id FROM campaign_limits held WHERE held.campaign_id = c.id ORDER BY held.limit_id
    ) AS limits,
    c.care,
    coalesce(judged.open_slices, 0) AS open_slices,
    judged.next_slice_at,
    cl.pending AS of_lane,
    cl.total - cl.skipped - cl.cancelled - cl.expired AS leaving,
    stored.total,
    stored.has_begun,
    c.state = 'running' AND cl.next_due_at = 'infinity' AS is_held
FROM campaigns c
JOIN campaign_lanes cl ON cl.campaign_id = c.id
LEFT JOIN campaign_judgements judged ON judged.campaign_id = c.id
LEFT JOIN opening_hours hours ON hours.id = c.hours_id
    AND hours.document ?| ARRAY['windows', 'is_legal', 'holidays', 'days_off']
CROSS JOIN LATERAL (
    SELECT sum(total)::bigint AS total, sum(sent + failed + in_doubt + unknown) > 0 AS has_begun
    FROM campaign_lanes WHERE campaign_id = c.id
) stored
CROSS JOIN LATERAL (
    SELECT
        hours.document ?| ARRAY['is_by_recipient', 'is_legal'] IS TRUE AS by_group,
        c.started_at IS NOT NULL AND ((c.care ->> 'cooldown') IS NOT NULL OR EXISTS (SELECT FROM caps)) AS by_person,
        (c.care ->> 'skips_recent') IS NOT NULL AS skips,
        now() + (SELECT make_interval(secs => grace_seconds) FROM frequency_records) AS known_by
) told
CROSS JOIN LATERAL (
    WITH waiting AS MATERIALIZED (
        SELECT
            m.recipient_group,
            m.reason AS rule,
            count(*) AS messages,
            min(m.free_at) AS first_free_at,
            max(m.free_at) AS last_free_at
        FROM (
            SELECT
                m.*,
                ntile(%(pieces)s) OVER (
                    PARTITION BY m.recipient_group, m.reason, m.free_at IS NULL ORDER BY m.free_at
                ) AS piece
            FROM (
                SELECT
                    m.recipient_group,
                    m.reason,
                    CASE
                        WHEN told.skips AND person_free_at(m.phone, c.care) > m.next_attempt_at THEN NULL
                        WHEN m.next_attempt_at > told.known_by THEN m.next_attempt_at
                        ELSE greatest(m.next_attempt_at, person_free_at(m.phone, c.care))
                    END AS free_at
                FROM (
                    SELECT 0::smallint AS id WHERE c.hours_id IS NULL
                    UNION ALL
                    SELECT o.recipient_group FROM openings o WHERE o.hours_id = c.hours_id
                ) recipients
                JOIN messages m
                    ON m.segment = c.segment AND m.campaign_id = c.id AND m.lane_id = cl.lane_id
                    AND m.recipient_group = recipients.id AND m.state = 'pending'
                    AND m.next_attempt_at > now() AND m.next_attempt_at < 'infinity' AND m.reason IN ('cooldown', 'cap')
                WHERE told.by_person
                OFFSET 0
            ) m
        ) m
        GROUP BY m.recipient_group, m.reason, m.free_at IS NULL, m.piece
    ), all_of_group AS (
        SELECT 0::smallint AS recipient_group, cl.pending AS messages
        WHERE NOT told.by_group
        UNION ALL
        SELECT m.recipient_group, count(*)
        FROM messages m
        WHERE told.by_group
            AND m.segment = c.segment AND m.campaign_id = c.id AND m.lane_id = cl.lane_id AND m.state = 'pending'
        GROUP BY m.recipient_group
    )
    SELECT *, false AS is_under_way FROM waiting
    UNION ALL
    SELECT 0, NULL, cl.sending, NULL, NULL, true
    UNION ALL
    SELECT a.recipient_group, NULL, (sum(a.messages) - coalesce(w.messages, 0))::bigint, NULL, NULL, false
    FROM all_of_group a
    LEFT JOIN (
        SELECT recipient_group, sum(messages) AS messages FROM waiting GROUP BY recipient_group
    ) w ON w.recipient_group = a.recipient_group
    GROUP BY a.recipient_group, w.messages
) part
LEFT JOIN recipient_groups g ON g.id = part.recipient_group
WHERE cl.open AND (part.is_under_way OR NOT cl.retired) AND cl.lane_id = ANY (%(lanes)s::integer[]) AND part.messages > 0
    AND (c.state IN ('scheduled', 'running') OR c.name = %(name)s)
ORDER BY c.id, cl.lane_id, part.is_under_way, part.recipient_group, part.last_free_at, part.rule
