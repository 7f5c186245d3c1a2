SELECT /* rejecting_schedules */
-- The schedules whose latest campaign that started had rejected recipients; of one that has ended, for a week.
    s.name,
    latest.name AS campaign,
    latest.recipients_read AS read,
    latest.recipients_rejected AS rejected,
    (SELECT reason FROM rejected_recipients r WHERE r.campaign_id = latest.id ORDER BY line LIMIT 1) AS reason
FROM schedules s
CROSS JOIN LATERAL (
    SELECT c.id, c.name, c.recipients_read, c.recipients_rejected, c.started_at, c.purged_at
    FROM occurrences o
    JOIN campaigns c ON c.id = o.campaign_id
    WHERE o.schedule_id = s.id AND c.started_at IS NOT NULL
    ORDER BY o.due_at DESC
    LIMIT 1
) latest
WHERE latest.recipients_rejected > 0 AND latest.purged_at IS NULL
    AND (s.state <> 'ended' OR latest.started_at > now() - interval '7 days')
ORDER BY s.name
