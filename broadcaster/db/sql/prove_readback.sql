-- Reading back has just shown a message that the gateway is known to have accepted at %(accepted_at)s.
UPDATE lanes
SET
    readback_proven_at = now(),
    readback_delay_seconds = extract(epoch FROM now() - %(accepted_at)s)
WHERE id = %(lane)s
