CREATE VIEW occurrence_report AS
SELECT
    s.id AS schedule_id,
    s.name AS schedule,
    o.due_at,
    o.number,
    o.state,
    o.reason,
    o.decided_by,
    o.decided_at,
    o.created_at AS noticed_at,
    c.id AS campaign_id,
    c.name AS campaign,
    c.state AS campaign_state,
    c.started_at,
    c.finished_at,
    n.total,
    n.sent,
    n.failed,
    n.skipped,
    n.cancelled,
    n.expired,
    n.unknown,
    n.still_open,
    c.recipients_rejected AS rejected
FROM occurrences o
JOIN schedules s ON s.id = o.schedule_id
LEFT JOIN campaigns c ON c.id = o.campaign_id
LEFT JOIN LATERAL (
    SELECT
        coalesce(sum(cl.total), 0)::bigint AS total,
        coalesce(sum(cl.sent), 0)::bigint AS sent,
        coalesce(sum(cl.failed), 0)::bigint AS failed,
        coalesce(sum(cl.skipped), 0)::bigint AS skipped,
        coalesce(sum(cl.cancelled), 0)::bigint AS cancelled,
        coalesce(sum(cl.expired), 0)::bigint AS expired,
        coalesce(sum(cl.unknown), 0)::bigint AS unknown,
        coalesce(sum(cl.pending + cl.sending + cl.in_doubt), 0)::bigint AS still_open
    FROM campaign_lanes cl
    WHERE cl.campaign_id = c.id
) n ON c.id IS NOT NULL;
COMMENT ON VIEW occurrence_report IS
    'One row per occurrence of a schedule: what became of it, and where its campaign stands. Moments are in UTC.';
