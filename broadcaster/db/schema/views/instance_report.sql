CREATE VIEW instance_report AS
SELECT
    i.id AS instance_id,
    i.name AS instance,
    l.health,
    l.health_reason,
    l.health_since,
    i.rate_per_second,
    i.typical_rate_per_second AS permitted_per_second,
    i.burst,
    i.max_in_flight,
    coalesce(n.total, 0) AS total,
    coalesce(n.pending, 0) AS pending,
    coalesce(n.sending, 0) AS sending,
    coalesce(n.sent, 0) AS sent,
    coalesce(n.failed, 0) AS failed,
    coalesce(n.in_doubt, 0) AS in_doubt,
    coalesce(n.unknown, 0) AS unknown,
    coalesce(n.skipped, 0) AS skipped,
    coalesce(n.cancelled, 0) AS cancelled,
    coalesce(n.expired, 0) AS expired,
    l.lease_holder,
    l.lease_expires_at,
    l.not_before,
    a.truth_shown,
    a.truth_missing,
    nullif(a.truth_since, '-infinity') AS truth_since,
    i.retired_at
FROM instances i
JOIN lanes l ON l.id = i.id
JOIN accounts a ON a.id = i.account_id
LEFT JOIN LATERAL (
    SELECT
        sum(cl.total)::bigint AS total,
        sum(cl.pending)::bigint AS pending,
        sum(cl.sending)::bigint AS sending,
        sum(cl.sent)::bigint AS sent,
        sum(cl.failed)::bigint AS failed,
        sum(cl.in_doubt)::bigint AS in_doubt,
        sum(cl.unknown)::bigint AS unknown,
        sum(cl.skipped)::bigint AS skipped,
        sum(cl.cancelled)::bigint AS cancelled,
        sum(cl.expired)::bigint AS expired
    FROM campaign_lanes cl JOIN campaigns c ON c.id = cl.campaign_id
    WHERE cl.lane_id = i.id AND c.test_of IS NULL AND c.state <> 'draft'
) n ON true;
COMMENT ON VIEW instance_report IS 'One row per instance: its health, its limits and what goes through it. Drafts do not count.';
