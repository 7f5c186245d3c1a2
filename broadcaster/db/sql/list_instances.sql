SELECT /* list_instances */
-- All instances, by name.
    instance AS name,
    instance_id AS id,
    health,
    health_reason,
    health_since,
    rate_per_second,
    permitted_per_second,
    burst,
    max_in_flight,
    total,
    pending,
    sending,
    sent,
    failed,
    in_doubt,
    unknown,
    expired,
    lease_holder,
    lease_expires_at,
    not_before,
    truth_shown,
    truth_missing,
    limits_in_use(instance_id) AS limits
FROM instance_report
ORDER BY instance
