UPDATE /* note_slice_released */
-- No message of so many slices is held any more: of a campaign that is running, or else none was released. The caller has
-- its row locked.
campaign_judgements j
SET released_slices = %(open)s
FROM campaigns c
WHERE j.campaign_id = %(campaign_id)s AND j.open_slices = %(open)s AND j.released_slices < %(open)s
    AND c.id = j.campaign_id AND c.state = 'running'
