-- Reading back has just shown a message that the gateway is known to have accepted at %(accepted_at)s. How old it is can
-- only be told where the clock has not been put back since.
UPDATE lanes
SET
    readback_proven_at = now(),
    readback_delay_seconds = extract(epoch FROM now() - %(accepted_at)s)
WHERE id = %(lane)s
    AND %(accepted_at)s <= now()
    AND NOT EXISTS (
        SELECT FROM ticks
        WHERE put_back_seconds > 0 OR done_at > now() + interval '1 s' OR steady_since >= %(accepted_at)s
    )
