WITH /* release_lanes */
-- Gives lanes back, each with its clock set to what was really used, and with its run of outcomes where that is another
-- than when it was taken. Guarded by the lease: a holder that lost it changes nothing. A lane that is still sending,
-- because an outcome is in the spool or a claim was never heard of, is left to `recover_leases`.
mine AS (
    SELECT
        l.id,
        (%(debts)s::double precision[])[returned.n] AS debt,
        (%(again)s::boolean[])[returned.n] AS again,
        (%(runs)s::text[])[returned.n]::jsonb AS run,
        i.gaps IS NOT NULL AS is_by_chance
    FROM lanes l
    JOIN instances i ON i.id = l.id
    CROSS JOIN LATERAL array_position(%(lanes)s::int[], l.id) AS returned (n)
    WHERE l.id = ANY (%(lanes)s::int[]) AND l.lease_token = (%(tokens)s::uuid[])[returned.n]
    ORDER BY l.id
    FOR NO KEY UPDATE OF l
)
UPDATE lanes l
SET
    lease_token = NULL,
    lease_holder = NULL,
    lease_expires_at = NULL,
    -- What comes next wakes it at once, unless its worker is about to: two wake-ups would tear its task's lanes apart.
    woken_at = CASE WHEN mine.again THEN now() END,
    -- What chance has drawn between two messages stands.
    clock = greatest(now() + make_interval(secs => mine.debt), CASE WHEN mine.is_by_chance THEN l.clock END),
    outcome_run = coalesce(mine.run, l.outcome_run)
FROM mine
WHERE l.id = mine.id AND NOT EXISTS (SELECT FROM sending_through(mine.id)) -- asked once the lane is locked
