UPDATE /* open_slice */
-- The next slice of a canary opens; `release_slice` lets its messages go. The caller has the campaign's row locked.
campaign_judgements j
SET open_slices = j.open_slices + 1, next_slice_at = NULL
FROM campaigns c
WHERE j.campaign_id = %(campaign_id)s AND j.since = %(since)s AND j.open_slices = %(open)s AND j.next_slice_at <= now()
    AND c.id = j.campaign_id AND c.state = 'running'
