WITH /* climb_ramps */
-- A lane that was well for a day, and sent something in it, goes a step up its ramp. Trouble begins that day anew
-- (fall_back_a_step), and writes the very row that is looked at again here once it is locked. Locks limits in the order of
-- their ids, as claims do.
due AS (
    SELECT l.id
    FROM limits l
    JOIN lanes ON lanes.id = l.lane_id
    WHERE l.step < cardinality(l.ramp) AND l.step_since <= now() - make_interval(secs => l.span_seconds)
        AND places_taken(l, now()) > 0 AND lanes.health = 'ok'
    ORDER BY l.id
    FOR NO KEY UPDATE OF l
)
UPDATE limits l
SET step = l.step + 1, most = l.ramp[l.step + 1], step_since = now()
FROM due
WHERE l.id = due.id
RETURNING l.id
