-- Gives lanes back: what was claimed and not sent becomes pending again, and each lane's clock is set to what
-- was really used. Guarded by the lease: a holder that lost it changes nothing.
WITH mine AS (
    SELECT
        l.id,
        l.lease_token,
        (%(ahead)s::double precision[])[returned.n] AS ahead,
        (%(again)s::boolean[])[returned.n] AS again
    FROM lanes l
    CROSS JOIN LATERAL array_position(%(lanes)s::int[], l.id) AS returned (n)
    WHERE l.id = ANY (%(lanes)s::int[]) AND l.lease_token = (%(tokens)s::uuid[])[returned.n]
    ORDER BY l.id
    FOR NO KEY UPDATE OF l
), unsent AS (
    SELECT held.*, mine.lease_token
    FROM mine
    CROSS JOIN LATERAL (
        SELECT m.segment, m.campaign_id, m.seq
        FROM messages m
        WHERE m.lane_id = mine.id AND m.state = 'claimed' AND m.lease_token = mine.lease_token
        OFFSET 0 -- lane by lane: joined otherwise, it reads what all lanes have claimed
        FOR UPDATE SKIP LOCKED -- what is being paused or cancelled is left to that, or to recovery
    ) held
), returned AS (
    UPDATE messages m
    SET state = 'pending', lease_token = NULL, changed_at = now()
    FROM unsent
    WHERE m.segment = unsent.segment AND m.campaign_id = unsent.campaign_id AND m.seq = unsent.seq
        AND m.state::text = 'claimed' AND m.lease_token = unsent.lease_token
)
UPDATE lanes l
SET
    lease_token = NULL,
    lease_holder = NULL,
    lease_expires_at = NULL,
    -- What comes next wakes it at once, unless its worker is about to: two wake-ups would tear its task's lanes apart.
    woken_at = CASE WHEN mine.again THEN now() END,
    clock = now() + make_interval(secs => mine.ahead)
FROM mine
WHERE l.id = mine.id
