WITH /* mend_attempts */
-- Attempts that ended in the future, by a clock that has been put back: they ended before that was noticed. So many at a
-- time, those first that the clock reaches first, and only in the hour after it was put back.
put_back AS MATERIALIZED (
    SELECT max(steady_since) AS at FROM ticks HAVING max(steady_since) > now() - interval '1 hour'
), ahead AS (
    SELECT late.*, put_back.at
    FROM put_back
    CROSS JOIN accounts c
    CROSS JOIN LATERAL (
        SELECT a.segment, a.campaign_id, a.seq, a.attempt
        FROM attempts a
        WHERE a.account_id = c.id AND a.finished_at > now()
        ORDER BY a.finished_at
        LIMIT %(most)s
    ) late
)
UPDATE attempts a
SET finished_at = ahead.at
FROM ahead
WHERE a.segment = ahead.segment AND a.campaign_id = ahead.campaign_id AND a.seq = ahead.seq
    AND a.attempt = ahead.attempt
