UPDATE /* note_slice_released */
-- No message of so many slices is held any more.
campaign_judgements
SET released_slices = %(open)s
WHERE campaign_id = %(campaign_id)s AND open_slices = %(open)s AND released_slices < %(open)s
