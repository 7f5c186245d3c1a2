SELECT /* show_instance */
-- One instance, with the columns of `list_instances`, where its requests go, and how long they took this hour and the last.
    r.instance AS name,
    r.instance_id AS id,
    r.health,
    r.health_reason,
    r.health_since,
    r.rate_per_second,
    r.permitted_per_second,
    r.burst,
    r.max_in_flight,
    r.total,
    r.pending,
    r.sending,
    r.sent,
    r.failed,
    r.in_doubt,
    r.unknown,
    r.skipped,
    r.cancelled,
    r.expired,
    r.lease_holder,
    r.lease_expires_at,
    r.not_before,
    r.truth_shown,
    r.truth_missing,
    r.retired_at,
    limits_in_use(i.id) AS limits,
    lately.latency,
    a.base_url,
    a.wire,
    i.country,
    i.confirm_opt_out,
    i.stops,
    i.gaps,
    hours.document AS hours,
    i.created_at
FROM instances i
JOIN accounts a ON a.id = i.account_id
LEFT JOIN opening_hours hours ON hours.id = i.hours_id
JOIN instance_report r ON r.instance_id = i.id
CROSS JOIN LATERAL (SELECT date_bin('1 hour', now(), 'epoch') - interval '1 hour' AS since) recent
CROSS JOIN LATERAL ( -- as in hour_report
    SELECT jsonb_build_object(
        'since', recent.since,
        'requests', coalesce(sum(bounded.attempts), 0),
        'half_within_ms',
        nullif(min(bounded.within_ms) FILTER (WHERE bounded.so_far >= 0.50 * bounded.measured), 2147483647),
        'nearly_all_within_ms',
        nullif(min(bounded.within_ms) FILTER (WHERE bounded.so_far >= 0.99 * bounded.measured), 2147483647)
    ) AS latency
    FROM (
        SELECT
            h.within_ms,
            sum(h.attempts) AS attempts,
            sum(sum(h.attempts)) OVER (ORDER BY h.within_ms) AS so_far,
            sum(sum(h.attempts)) OVER () AS measured
        FROM attempt_hours h
        WHERE h.account_id = i.account_id AND h.hour >= recent.since AND h.within_ms > 0
        GROUP BY h.within_ms
        HAVING sum(h.attempts) > 0
    ) bounded
) lately
WHERE i.name = %(name)s
