-- Gives lanes back: what was claimed and not sent becomes pending again, and each lane's clock is set to what
-- was really used. Guarded by the lease: a holder that lost it changes nothing.
WITH mine AS (
    SELECT l.id, r.ahead
    FROM unnest(%(lanes)s::int[], %(ahead)s::double precision[]) AS r (lane_id, ahead)
    JOIN lanes l ON l.id = r.lane_id AND l.lease_token = %(token)s
    ORDER BY l.id
    FOR UPDATE OF l
), returned AS (
    UPDATE messages m
    SET state = 'pending', lease_token = NULL, changed_at = now()
    FROM mine
    WHERE m.lane_id = mine.id AND m.state = 'claimed' AND m.lease_token = %(token)s
)
UPDATE lanes l
SET
    lease_token = NULL,
    lease_holder = NULL,
    lease_expires_at = NULL,
    woken_at = NULL, -- what comes next wakes it at once
    clock = now() + make_interval(secs => mine.ahead)
FROM mine
WHERE l.id = mine.id
