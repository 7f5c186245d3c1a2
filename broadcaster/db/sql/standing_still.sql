WITH /* standing_still */
-- What may keep instances and open campaigns from moving: one row for each lane and open campaign on it, and for each
-- lane without any of which something is to be told; with a %(campaign)s only its own, and the lanes of one that ended within a day. Reads counters and
-- the beat's ticks, never the backlog; of doubts the %(most)s that come first, and where there are more, nobody can tell
-- when the last is given up. What truth checks found long ago says nothing any more.
beat AS (
    SELECT
        max(done_at) FILTER (WHERE done_at <= now()) AS ticked_at,
        coalesce(bool_or(done_at BETWEEN now() - %(silence)s AND now() + interval '1 s'), false) AS is_ticking
    FROM ticks
), part AS (
    SELECT
        cl.*,
        c.name AS campaign,
        c.state,
        c.starts_at,
        c.expires_at,
        c.started_at,
        c.state_reason,
        c.priority,
        cl.next_due_at = 'infinity' AND judged.open_slices <= coalesce(jsonb_array_length(c.care -> 'canary'), 0) AS is_held,
        judged.next_slice_at,
        opening.opens_at,
        full_limit.name AS limit_name,
        full_limit.most AS limit_most,
        full_limit.span_seconds AS limit_span,
        full_limit.free_at AS limit_free_at,
        person.rule AS person_rule,
        person.free_at AS person_free_at,
        person.is_skipped AS person_is_skipped,
        queued.schedule,
        queued.schedule_is_paused,
        queued.behind,
        first_value(c.name) OVER by_rank AS first_campaign,
        first_value(c.priority) OVER by_rank AS first_priority,
        first_value(c.state = 'running' AND cl.pending > 0 AND cl.next_due_at <= now() AND full_limit.name IS NULL)
            OVER by_rank AS first_is_due
    FROM campaign_lanes cl
    JOIN campaigns c ON c.id = cl.campaign_id
    LEFT JOIN campaign_judgements judged ON judged.campaign_id = c.id
    LEFT JOIN LATERAL ( -- closed for all of its recipients, or for those who are left
        SELECT CASE
            WHEN bool_and(o.opens_at > now() OR o.closes_at <= now()) THEN min(greatest(o.opens_at, now()))
            WHEN cl.next_due_at > now() THEN min(o.opens_at) FILTER (WHERE o.opens_at = cl.next_due_at)
        END AS opens_at
        FROM openings o
        WHERE o.hours_id = c.hours_id
    ) opening ON true
    LEFT JOIN LATERAL ( -- of those of the campaign that have no place, the one that has none for longest
        SELECT f.name, f.most, f.span_seconds, f.free_at
        FROM campaign_limits held
        JOIN limits f ON f.id = held.limit_id
        WHERE held.campaign_id = c.id AND f.free_at > now()
        ORDER BY f.free_at DESC
        LIMIT 1
    ) full_limit ON true
    LEFT JOIN LATERAL ( -- by which rule, and until when, the message that is due first waits for its person
        SELECT
            m.reason AS rule,
            skipped.are_they AS is_skipped,
            CASE WHEN skipped.are_they OR m.next_attempt_at > now() + (SELECT make_interval(secs => f.grace_seconds) FROM frequency_records f)
                THEN m.next_attempt_at
                ELSE least( -- it is only looked at again then
                    greatest(m.next_attempt_at, person_free_at(m.phone, c.care)),
                    (
                        SELECT later.next_attempt_at
                        FROM messages later
                        WHERE later.segment = c.segment AND later.campaign_id = c.id AND later.lane_id = cl.lane_id
                            AND later.recipient_group = m.recipient_group AND later.state = 'pending'
                            AND later.next_attempt_at
                                > now() + (SELECT make_interval(secs => f.grace_seconds) FROM frequency_records f)
                            AND later.next_attempt_at < 'infinity'
                        ORDER BY later.next_attempt_at
                        LIMIT 1
                    )
                )
            END AS free_at
        FROM (
            SELECT 0::smallint AS id WHERE c.hours_id IS NULL
            UNION ALL
            SELECT o.recipient_group FROM openings o WHERE o.hours_id = c.hours_id
        ) recipients
        JOIN messages m
            ON m.segment = c.segment AND m.campaign_id = c.id AND m.lane_id = cl.lane_id
            AND m.recipient_group = recipients.id AND m.state = 'pending' AND m.next_attempt_at = cl.next_due_at
        CROSS JOIN LATERAL ( -- since the person is not free when it is looked at again
            SELECT (c.care ->> 'skips_recent') IS NOT NULL
                AND coalesce(person_free_at(m.phone, c.care) > m.next_attempt_at, false) AS are_they
        ) skipped
        WHERE c.state = 'running' AND cl.next_due_at > now() AND cl.next_due_at < 'infinity'
            AND ((c.care ->> 'cooldown') IS NOT NULL OR EXISTS (SELECT FROM caps))
            AND m.reason IN ('cooldown', 'cap')
        LIMIT 1
    ) person ON true
    LEFT JOIN LATERAL ( -- which schedule it is a queued occurrence of, and behind which campaign
        SELECT s.name AS schedule, s.state = 'paused' AS schedule_is_paused, queued_behind(s.id, o.due_at) AS behind
        FROM occurrences o
        JOIN schedules s ON s.id = o.schedule_id
        WHERE c.state = 'draft' AND o.campaign_id = c.id AND o.state = 'queued'
    ) queued ON true
    WHERE cl.open AND c.state IN ('draft', 'scheduled', 'running', 'paused') AND c.test_of IS NULL
    WINDOW by_rank AS (
        PARTITION BY cl.lane_id
        ORDER BY
            c.state = 'running' AND cl.pending > 0 AND cl.next_due_at <= now() AND full_limit.name IS NULL DESC,
            c.priority DESC,
            c.id
    )
), doubt AS MATERIALIZED (
    SELECT
        d.campaign_id,
        d.lane_id,
        d.started_at,
        d.next_poll_at,
        a.next_read_at,
        a.unreadable_since IS NOT NULL AS is_unreadable,
        deadline_runs_from(d.ended_at, d.unreadable_seconds, d.is_unread) AS counts_from
    FROM doubts d
    JOIN accounts a ON a.id = d.account_id
    WHERE d.resolved_as IS NULL
    LIMIT %(most)s
), doubted AS (
    SELECT
        campaign_id,
        lane_id,
        min(started_at) AS since,
        max(counts_from) + %(deadline)s AS decided_by,
        count(*) FILTER (WHERE is_unreadable) AS unreadable,
        min(greatest(next_poll_at, next_read_at)) AS next_poll_at
    FROM doubt
    GROUP BY campaign_id, lane_id
), unread AS ( -- of each lane, the account that has not been readable for longest, of which something is in doubt
    SELECT DISTINCT ON (d.lane_id)
        d.lane_id,
        a.id AS account_id,
        a.unreadable_since,
        CASE WHEN isfinite(a.next_read_at) THEN a.next_read_at END AS next_read_at
    FROM accounts a
    JOIN doubts d ON d.account_id = a.id AND d.resolved_as IS NULL
    WHERE a.unreadable_since IS NOT NULL
    ORDER BY d.lane_id, a.unreadable_since
)
SELECT
    now() AS now,
    beat.ticked_at,
    beat.is_ticking,
    i.name AS instance,
    l.health,
    l.health_reason,
    l.health_since,
    i.retired_at IS NOT NULL AS is_retired,
    l.not_before,
    i.rate_per_second,
    i.typical_rate_per_second AS permitted_per_second,
    i.gaps,
    l.since_rest = 0 AS is_resting,
    a.wire,
    greatest(l.clock - make_interval(secs => i.tolerance_seconds), full_limit.free_at) AS slot,
    full_limit.name AS full_name,
    full_limit.most AS full_most,
    full_limit.span_seconds AS full_span,
    least(l.clock, now()) AS used_at,
    l.lease_token IS NOT NULL OR coalesce(l.woken_at > now() - %(silence)s, false) AS is_tended,
    unreadable.unreadable_since,
    unreadable.next_read_at,
    unreadable.is_former,
    a.truth_shown,
    CASE WHEN a.next_truth_at > now() - interval '1 day' THEN a.truth_missing ELSE 0 END AS truth_missing,
    greatest(part.opens_at, opening.opens_at) AS opens_at,
    part.campaign,
    part.state,
    part.starts_at,
    part.expires_at,
    part.started_at,
    part.state_reason,
    part.schedule,
    coalesce(part.schedule_is_paused, false) AS schedule_is_paused,
    part.behind,
    coalesce(part.is_held, false) AS is_held,
    part.next_slice_at,
    part.limit_name,
    part.limit_most,
    part.limit_span,
    part.limit_free_at,
    part.person_rule,
    coalesce(part.person_is_skipped, false) AS person_is_skipped,
    coalesce(part.pending, 0) AS pending,
    coalesce(part.sending, 0) AS sending,
    coalesce(part.in_doubt, 0) AS in_doubt,
    coalesce(part.failed, 0) AS failed,
    CASE WHEN isfinite(part.next_due_at) THEN coalesce(part.person_free_at, part.next_due_at) END AS next_due_at,
    part.last_claimed_at,
    CASE WHEN part.first_is_due AND part.first_priority > part.priority THEN part.first_campaign END AS outranked_by,
    doubted.since AS doubted_since,
    CASE WHEN (SELECT count(*) FROM doubt) < %(most)s THEN doubted.decided_by END AS decided_by,
    CASE WHEN isfinite(doubted.next_poll_at) THEN doubted.next_poll_at END AS next_poll_at,
    coalesce(doubted.unreadable, 0) AS unreadable
FROM lanes l
JOIN instances i ON i.id = l.id
JOIN accounts a ON a.id = i.account_id
CROSS JOIN beat
LEFT JOIN LATERAL ( -- of those that have no place, the one that has none for longest
    SELECT f.name, f.most, f.span_seconds, next_place_at(f) AS free_at
    FROM lane_limits ll
    JOIN limits f ON f.id = ll.limit_id
    WHERE ll.lane_id = l.id AND f.free_at > now()
    ORDER BY next_place_at(f) DESC
    LIMIT 1
) full_limit ON true
LEFT JOIN LATERAL (
    SELECT greatest(o.opens_at, now()) AS opens_at
    FROM openings o
    WHERE o.hours_id = i.hours_id AND o.recipient_group = 0 AND (o.opens_at > now() OR o.closes_at <= now())
) opening ON true
LEFT JOIN part ON part.lane_id = l.id AND (%(campaign)s::text IS NULL OR part.campaign = %(campaign)s)
LEFT JOIN doubted ON doubted.campaign_id = part.campaign_id AND doubted.lane_id = part.lane_id
LEFT JOIN LATERAL (
    SELECT unread.*, unread.account_id <> i.account_id AS is_former FROM unread WHERE unread.lane_id = l.id
) unreadable ON true
WHERE CASE
    WHEN part.campaign IS NOT NULL THEN true
    WHEN %(campaign)s::text IS NULL THEN (l.health <> 'ok' AND i.retired_at IS NULL) OR unreadable.lane_id IS NOT NULL OR a.truth_missing > 0
    ELSE EXISTS (
        SELECT
        FROM campaigns c
        JOIN campaign_lanes cl ON cl.campaign_id = c.id AND cl.lane_id = l.id AND cl.sent > 0
        WHERE c.name = %(campaign)s AND (c.finished_at IS NULL OR c.finished_at > now() - interval '1 day')
    )
END
ORDER BY i.name, part.campaign
