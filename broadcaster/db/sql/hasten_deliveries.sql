UPDATE /* hasten_deliveries */
-- What waits for a receiver is due now: it has just been shown to be well.
deliveries
SET next_try_at = now()
WHERE receiver_id = %(receiver)s AND delivered_at IS NULL AND given_up_at IS NULL AND next_try_at > now()
