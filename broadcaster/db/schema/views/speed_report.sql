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
    extract(epoch FROM least(t.half, c.finished_at) - c.started_at)::bigint AS half_after_seconds,
    extract(epoch FROM least(t.most, c.finished_at) - c.started_at)::bigint AS most_after_seconds,
    extract(epoch FROM least(t.nearly_all, c.finished_at) - c.started_at)::bigint AS nearly_all_after_seconds
FROM campaigns c
JOIN LATERAL (
    SELECT
        sum(each_slot.attempts)::bigint AS attempts,
        coalesce(sum(each_slot.accepted), 0)::bigint AS accepted,
        coalesce(sum(each_slot.rejected), 0)::bigint AS rejected,
        coalesce(sum(each_slot.unknown), 0)::bigint AS unknown,
        min(each_slot.ended) FILTER (WHERE each_slot.so_far >= 0.50 * each_slot.total) AS half,
        min(each_slot.ended) FILTER (WHERE each_slot.so_far >= 0.95 * each_slot.total) AS most,
        min(each_slot.ended) FILTER (WHERE each_slot.so_far >= 0.99 * each_slot.total) AS nearly_all
    FROM (
        SELECT
            by_slot.*,
            by_slot.slot + interval '5 min' AS ended,
            sum(by_slot.accepted) OVER (ORDER BY by_slot.slot) AS so_far,
            sum(by_slot.accepted) OVER () AS total
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
