-- Within a slot it is as if messages had left evenly, from its start, or the campaign's, to its end, or the campaign's, or
-- now: so what it tells has happened, and is at most a slot off.
CREATE VIEW speed_report AS
SELECT
    c.id AS campaign_id,
    c.name AS campaign,
    c.state,
    c.started_at,
    t.attempts,
    t.accepted,
    -- What was purged is still told by its proof.
    t.attempts - t.accepted - t.rejected - t.unknown + coalesce((p.doubts ->> 'absent')::bigint, d.absent) AS tried_again,
    (t.accepted / nullif(extract(epoch FROM coalesce(c.finished_at, now()) - c.started_at), 0))::double precision
        AS accepted_per_second,
    extract(epoch FROM t.half - c.started_at)::bigint AS half_after_seconds,
    extract(epoch FROM t.most - c.started_at)::bigint AS most_after_seconds,
    extract(epoch FROM t.nearly_all - c.started_at)::bigint AS nearly_all_after_seconds
FROM campaigns c
JOIN LATERAL (
    SELECT
        sum(each_slot.attempts)::bigint AS attempts,
        coalesce(sum(each_slot.accepted), 0)::bigint AS accepted,
        coalesce(sum(each_slot.rejected), 0)::bigint AS rejected,
        coalesce(sum(each_slot.unknown), 0)::bigint AS unknown,
        min(each_slot.begun + each_slot.lasted * (0.50 * each_slot.total - each_slot.before) / each_slot.accepted)
            FILTER (WHERE 0.50 * each_slot.total > each_slot.before AND 0.50 * each_slot.total <= each_slot.so_far) AS half,
        min(each_slot.begun + each_slot.lasted * (0.95 * each_slot.total - each_slot.before) / each_slot.accepted)
            FILTER (WHERE 0.95 * each_slot.total > each_slot.before AND 0.95 * each_slot.total <= each_slot.so_far) AS most,
        min(each_slot.begun + each_slot.lasted * (0.99 * each_slot.total - each_slot.before) / each_slot.accepted)
            FILTER (WHERE 0.99 * each_slot.total > each_slot.before AND 0.99 * each_slot.total <= each_slot.so_far) AS nearly_all
    FROM (
        SELECT
            by_slot.*,
            sum(by_slot.accepted) OVER (ORDER BY by_slot.slot) AS so_far,
            sum(by_slot.accepted) OVER (ORDER BY by_slot.slot) - by_slot.accepted AS before,
            sum(by_slot.accepted) OVER () AS total,
            greatest(by_slot.slot, c.started_at) AS begun,
            greatest(
                least(by_slot.slot + interval '5 min', coalesce(c.finished_at, now())) - greatest(by_slot.slot, c.started_at),
                interval '0'
            ) AS lasted
        FROM (
            SELECT
                s.slot,
                sum(s.attempts) AS attempts,
                sum(s.attempts) FILTER (WHERE s.outcome = 'accepted') AS accepted,
                sum(s.attempts) FILTER (WHERE s.outcome = 'rejected') AS rejected,
                sum(s.attempts) FILTER (WHERE s.outcome = 'unknown') AS unknown
            FROM attempt_slots s
            WHERE s.campaign_id = c.id
            GROUP BY s.slot
        ) by_slot
    ) each_slot
) t ON t.attempts IS NOT NULL
LEFT JOIN purges p ON p.campaign_id = c.id
CROSS JOIN LATERAL (
    SELECT count(*) AS absent
    FROM doubts
    WHERE doubts.segment = c.segment AND doubts.campaign_id = c.id AND doubts.resolved_as = 'absent'
) d
WHERE c.test_of IS NULL;
COMMENT ON VIEW speed_report IS
    'One row per campaign of which a request was made: how fast, how much was tried again, and after how long 50, 95 and 99 of 100 had left.';
