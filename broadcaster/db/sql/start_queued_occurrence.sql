UPDATE /* start_queued_occurrence */
-- An operator did not want to wait: the occurrence that a campaign was queued as is started, as it is by the tick.
occurrences
SET
    state = 'started',
    decided_by = nullif(left(current_setting('broadcaster.operator', true), 200), ''),
    decided_at = now()
WHERE campaign_id = %(campaign_id)s AND state = 'queued'
