SELECT /* show_instance */
-- One instance, with the columns of `list_instances` and where its requests go.
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
    r.expired,
    r.lease_holder,
    r.lease_expires_at,
    r.not_before,
    r.truth_shown,
    r.truth_missing,
    limits_in_use(i.id) AS limits,
    a.base_url,
    a.wire,
    i.country,
    i.confirm_opt_out,
    i.stops,
    i.gaps,
    hours.document AS hours,
    i.created_at,
    i.retired_at
FROM instances i
JOIN accounts a ON a.id = i.account_id
LEFT JOIN opening_hours hours ON hours.id = i.hours_id
JOIN instance_report r ON r.instance_id = i.id
WHERE i.name = %(name)s
