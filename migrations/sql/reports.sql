-- Tests of campaigns are counted nowhere.
CREATE VIEW campaign_report AS
SELECT
    c.id AS campaign_id,
    c.name AS campaign,
    c.state,
    c.state_reason,
    content.kind AS content,
    c.priority,
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
    n.instances,
    c.recipients_read,
    c.recipients_rejected,
    c.source,
    c.created_at,
    c.starts_at,
    c.started_at,
    c.finished_at,
    a.name AS audience,
    c.purged_at
FROM campaigns c
JOIN contents content ON content.id = c.content_id
LEFT JOIN audiences a ON a.id = c.audience_id
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
        sum(cl.expired)::bigint AS expired,
        array_agg(i.name ORDER BY i.name) AS instances
    FROM campaign_lanes cl JOIN instances i ON i.id = cl.lane_id
    WHERE cl.campaign_id = c.id
) n ON true
WHERE c.test_of IS NULL;
COMMENT ON VIEW campaign_report IS
    'One row per campaign: where each of its messages stands. total always equals the sum of the nine states.';

CREATE VIEW instance_report AS
SELECT
    i.id AS instance_id,
    i.name AS instance,
    l.health,
    l.health_reason,
    l.health_since,
    i.rate_per_second,
    i.burst,
    i.max_in_flight,
    coalesce(n.total, 0) AS total,
    coalesce(n.pending, 0) AS pending,
    coalesce(n.in_progress, 0) AS in_progress,
    coalesce(n.sent, 0) AS sent,
    coalesce(n.failed, 0) AS failed,
    coalesce(n.in_doubt, 0) AS in_doubt,
    coalesce(n.unknown, 0) AS unknown,
    l.lease_holder,
    l.lease_expires_at,
    l.not_before,
    a.truth_shown,
    a.truth_missing
FROM instances i
JOIN lanes l ON l.id = i.id
JOIN accounts a ON a.id = i.account_id
LEFT JOIN LATERAL (
    SELECT
        sum(cl.total)::bigint AS total,
        sum(cl.pending)::bigint AS pending,
        sum(cl.sending)::bigint AS in_progress,
        sum(cl.sent)::bigint AS sent,
        sum(cl.failed)::bigint AS failed,
        sum(cl.in_doubt)::bigint AS in_doubt,
        sum(cl.unknown)::bigint AS unknown
    FROM campaign_lanes cl JOIN campaigns c ON c.id = cl.campaign_id
    WHERE cl.lane_id = i.id AND c.test_of IS NULL
) n ON true;
COMMENT ON VIEW instance_report IS 'One row per instance: its health, its limits and what went through it so far.';

CREATE VIEW failure_report AS
SELECT
    c.id AS campaign_id,
    c.name AS campaign,
    i.name AS instance,
    f.state,
    f.reason,
    f.messages,
    m.phone AS example_phone,
    f.latest
FROM failure_counts f
JOIN campaigns c ON c.id = f.campaign_id
JOIN instances i ON i.id = f.lane_id
LEFT JOIN messages m
    ON m.segment = c.segment AND m.campaign_id = c.id AND m.seq = f.example_seq
    AND m.lane_id = f.lane_id AND m.state = f.state AND f.reason IN (failure_reason(m.reason), '(other reasons)')
WHERE f.messages > 0 AND c.test_of IS NULL;
COMMENT ON VIEW failure_report IS 'Why messages were not sent: one row per campaign, instance, state and reason.';

CREATE VIEW message_log AS
SELECT
    c.id AS campaign_id,
    c.name AS campaign,
    m.seq,
    m.phone,
    i.name AS instance,
    m.state,
    m.changed_at,
    m.attempt AS attempts,
    m.reason,
    m.gateway_id,
    a.outcome AS last_outcome,
    a.http_status AS last_http_status,
    a.duration_ms AS last_duration_ms,
    a.reply AS last_reply,
    m.variables
FROM messages m
JOIN campaigns c ON c.id = m.campaign_id AND c.segment = m.segment
JOIN instances i ON i.id = m.lane_id
LEFT JOIN attempts a
    ON a.segment = m.segment AND a.campaign_id = m.campaign_id AND a.seq = m.seq AND a.attempt = m.attempt
WHERE c.test_of IS NULL;
COMMENT ON VIEW message_log IS 'One row per message: who got it, who did not, and what the gateway last said.';
