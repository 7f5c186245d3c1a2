UPDATE /* note_slice_left */
-- The slice of a canary has left, and the next one opens in %(after)s. The caller has the campaign's row locked.
campaign_judgements j
SET next_slice_at = now() + %(after)s
FROM campaigns c
WHERE j.campaign_id = %(campaign_id)s AND j.since = %(since)s AND j.open_slices = %(open)s AND j.next_slice_at IS NULL
    AND c.id = j.campaign_id AND c.state = 'running'
