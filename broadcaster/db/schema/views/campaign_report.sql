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
    CASE
        WHEN c.recipients_read > 0 AND c.recipients_read - c.recipients_rejected >= coalesce(n.total, 0)
            THEN c.recipients_read - c.recipients_rejected - coalesce(n.total, 0)
    END AS recipients_repeated,
    c.source,
    c.created_at,
    c.starts_at,
    c.started_at,
    c.finished_at,
    a.name AS audience,
    c.purged_at,
    v.locale,
    c.expires_at,
    hours.document AS hours,
    c.require_consent,
    c.care,
    judged.since AS judged_since,
    judged.open_slices,
    judged.next_slice_at,
    c.sharing,
    n.weights,
    ARRAY(
        SELECT l.name
        FROM campaign_limits held
        JOIN limits l ON l.id = held.limit_id
        WHERE held.campaign_id = c.id
        ORDER BY l.name
    ) AS limits,
    c.state = 'draft' AND EXISTS (
        SELECT FROM occurrences o WHERE o.campaign_id = c.id AND o.state = 'queued'
    ) AS is_queued
FROM campaigns c
JOIN content_versions v ON v.campaign_id = c.id AND v.version = c.content_version
JOIN contents content ON content.id = v.content_id
LEFT JOIN campaign_judgements judged ON judged.campaign_id = c.id
LEFT JOIN audiences a ON a.id = c.audience_id
LEFT JOIN opening_hours hours ON hours.id = c.hours_id
    -- Without any of these they are open always, for recipients in groups.
    AND hours.document ?| ARRAY['windows', 'is_legal', 'holidays', 'days_off']
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
        array_agg(i.name ORDER BY i.name) FILTER (
            WHERE NOT cl.retired AND (i.retired_at IS NULL OR c.finished_at IS NOT NULL)
        ) AS instances,
        jsonb_object_agg(i.name, cl.weight) FILTER (WHERE NOT cl.retired AND cl.weight IS NOT NULL) AS weights
    FROM campaign_lanes cl JOIN instances i ON i.id = cl.lane_id
    WHERE cl.campaign_id = c.id
) n ON true
WHERE c.test_of IS NULL;
COMMENT ON VIEW campaign_report IS
    'One row per campaign: where each of its messages stands. total always equals the sum of the nine states.';
