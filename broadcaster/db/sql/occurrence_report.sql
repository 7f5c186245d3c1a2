SELECT /* occurrence_report */
-- The latest occurrences of a schedule, newest first.
    schedule_id,
    schedule,
    due_at,
    number,
    state,
    reason,
    decided_by,
    decided_at,
    noticed_at,
    campaign_id,
    campaign,
    campaign_state,
    started_at,
    finished_at,
    total,
    sent,
    failed,
    skipped,
    cancelled,
    expired,
    unknown,
    still_open,
    rejected
FROM occurrence_report
WHERE schedule_id = %(schedule_id)s
ORDER BY due_at DESC
LIMIT %(limit)s
