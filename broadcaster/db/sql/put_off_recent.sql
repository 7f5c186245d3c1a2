WITH /* put_off_recent */
-- Whoever of a campaign that has just started was messaged too lately waits or is skipped at once, so that it shows, and the
-- claim need not meet each of them. What somebody else holds is left to the claim, which decides.
-- Whoever was messaged within the grace is, too: the outcome is not known.
-- Too lately is who is not free when what is for them may leave first: %(opens_at)s for lanes and groups of recipients that
-- have windows, now for others. The claim looks at nobody before.
campaign AS MATERIALIZED (
    SELECT
        c.id, c.segment, f.grace_seconds,
        (c.care ->> 'cooldown')::integer AS cooldown,
        (c.care ->> 'skips_recent') IS NOT NULL AS skips,
        CASE WHEN (c.care ->> 'beyond_caps') IS NULL THEN cap.most END AS most,
        cap.spans
    FROM campaigns c
    CROSS JOIN frequency_records f
    CROSS JOIN (SELECT array_agg(most) AS most, array_agg(span_seconds) AS spans FROM caps) cap
    WHERE c.id = %(campaign_id)s AND c.state = 'running' AND c.test_of IS NULL
), opens AS MATERIALIZED (
    SELECT * FROM unnest(%(open_lanes)s::integer[], %(open_groups)s::smallint[], %(opens_at)s::timestamptz[])
        AS way (lane_id, recipient_group, at)
), theirs AS MATERIALIZED (
    SELECT m.segment, m.campaign_id, m.seq, free.at, free.by_cooldown > leaves.at AS is_cooldown, c.skips
    FROM campaign c
    JOIN messages m ON m.segment = c.segment AND m.campaign_id = c.id
    JOIN messaged_phones p ON p.phone = m.phone
    CROSS JOIN LATERAL (
        SELECT greatest(by_caps, by_cooldown) AS at, by_cooldown
        FROM (
            SELECT
                ( -- the arithmetic of hold_back
                    SELECT max(p.moments[cap.most] + make_interval(secs => cap.span + c.grace_seconds))
                    FROM unnest(c.most, c.spans) AS cap (most, span)
                ) AS by_caps,
                p.moments[1] + make_interval(secs => c.cooldown + c.grace_seconds) AS by_cooldown
        ) each_rule
    ) free
    LEFT JOIN opens ON opens.lane_id = m.lane_id AND opens.recipient_group = m.recipient_group
    CROSS JOIN LATERAL (SELECT greatest(opens.at, now()) AS at) leaves
    WHERE (c.cooldown IS NOT NULL OR c.most IS NOT NULL)
        AND m.state = 'pending' AND m.next_attempt_at <= now()
        AND p.moments[1] <= now() - make_interval(secs => c.grace_seconds)
        AND free.at > leaves.at
    ORDER BY m.seq
    FOR UPDATE OF m SKIP LOCKED
)
UPDATE messages m
SET
    state = CASE WHEN theirs.skips THEN 'skipped'::message_state ELSE 'pending'::message_state END,
    changed_at = now(),
    next_attempt_at = theirs.at,
    reason = CASE WHEN theirs.is_cooldown THEN 'cooldown' ELSE 'cap' END
FROM theirs
WHERE m.segment = theirs.segment AND m.campaign_id = theirs.campaign_id AND m.seq = theirs.seq
    AND m.state::text = 'pending'
