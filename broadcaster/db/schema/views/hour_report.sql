-- 2147483647 of slowest_ms is no bound.
CREATE VIEW hour_report AS
SELECT
    bounded.hour,
    bounded.instance,
    sum(bounded.attempts)::bigint AS attempts,
    coalesce(sum(bounded.attempts) FILTER (WHERE bounded.outcome = 'accepted'), 0)::bigint AS accepted,
    coalesce(sum(bounded.attempts) FILTER (WHERE bounded.outcome = 'rejected'), 0)::bigint AS rejected,
    coalesce(sum(bounded.attempts) FILTER (WHERE bounded.outcome = 'throttled'), 0)::bigint AS throttled,
    coalesce(sum(bounded.attempts) FILTER (WHERE bounded.outcome = 'not_sent'), 0)::bigint AS not_sent,
    coalesce(sum(bounded.attempts) FILTER (WHERE bounded.outcome = 'unknown'), 0)::bigint AS unknown,
    nullif(min(bounded.within_ms) FILTER (WHERE bounded.so_far >= 0.50 * bounded.measured), 2147483647) AS half_within_ms,
    nullif(min(bounded.within_ms) FILTER (WHERE bounded.so_far >= 0.95 * bounded.measured), 2147483647) AS most_within_ms,
    nullif(min(bounded.within_ms) FILTER (WHERE bounded.so_far >= 0.99 * bounded.measured), 2147483647) AS nearly_all_within_ms
FROM (
    SELECT
        each_duration.*,
        sum(each_duration.timed) OVER (PARTITION BY each_duration.hour, each_duration.instance) AS measured,
        CASE WHEN each_duration.timed > 0 THEN sum(each_duration.timed) OVER (
            PARTITION BY each_duration.hour, each_duration.instance ORDER BY each_duration.within_ms
        ) END AS so_far
    FROM (
        SELECT
            h.hour,
            i.name AS instance,
            h.outcome,
            h.within_ms,
            h.attempts,
            CASE WHEN h.within_ms > 0 THEN h.attempts END AS timed
        FROM attempt_hours h
        LEFT JOIN instances i ON i.account_id = h.account_id
    ) each_duration
) bounded
GROUP BY bounded.hour, bounded.instance;
COMMENT ON VIEW hour_report IS
    'By instance and hour what requests came to, and how soon 50, 95 and 99 of 100 ended; without an instance: of accounts that none has now.';
