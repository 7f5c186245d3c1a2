WITH /* release_slice */
-- Messages of the open slices of a canary are held no more: those that come after %(beyond)s, at most %(most)s of them.
-- `next_attempt_at` alone holds them, so that a claim which passes them by costs what it always does, and takes none
-- whatever it meets. Returns the last of them, and how many there were. Whoever has one of them locked is waited for: when
-- fewer than asked for are found, none is left.
held AS MATERIALIZED (
    SELECT m.segment, m.campaign_id, m.seq
    FROM messages m
    WHERE m.segment = %(segment)s AND m.campaign_id = %(campaign_id)s AND m.seq > %(beyond)s
        AND m.state = 'pending' AND m.next_attempt_at = 'infinity' AND canary_turn(m.seq) < %(share)s
        AND EXISTS (
            SELECT
            FROM campaigns c
            JOIN campaign_judgements j ON j.campaign_id = c.id
            WHERE c.id = %(campaign_id)s AND c.state = 'running' AND j.open_slices = %(open)s
        )
    ORDER BY m.seq
    LIMIT %(most)s
    FOR UPDATE OF m
), released AS (
    UPDATE messages m
    SET next_attempt_at = '-infinity'
    FROM held
    WHERE m.segment = held.segment AND m.campaign_id = held.campaign_id AND m.seq = held.seq
        AND m.state::text = 'pending'
    RETURNING m.seq
)
SELECT max(seq) AS last, count(*) AS messages FROM released
