WITH /* give_up_doubts */
-- What could not be read back in time is unknown, and the operator's to settle. Time in which its account could not be
-- read does not count. Not between a step of the clock and the
-- `recover` tick that mends what it left: an hour that never passed gives nothing up.
late AS (
    SELECT d.segment, d.campaign_id, d.seq, d.attempt, d.reading
    FROM doubts d
    JOIN accounts a ON a.id = d.account_id
    WHERE d.resolved_as IS NULL AND d.ended_at <= now() - %(deadline)s
        AND d.ended_at + make_interval(secs => d.unreadable_seconds) <= least(a.unreadable_since, now()) - %(deadline)s
        AND NOT EXISTS (
            SELECT FROM ticks
            WHERE put_back_seconds > 0 OR done_at > now() + interval '1 s'
                OR (name = 'recover' AND done_at < now() - make_interval(secs => 3 * period_seconds))
        )
    ORDER BY d.segment, d.campaign_id, d.seq, d.attempt
    LIMIT %(most)s
), moved AS (
    UPDATE messages m
    SET
        state = 'unknown',
        changed_at = now(),
        reason = left(concat_ws('; ', m.reason, coalesce(late.reading, 'its chat was never read back')), 500)
    FROM late
    WHERE m.segment = late.segment AND m.campaign_id = late.campaign_id AND m.seq = late.seq
        AND m.state::text = 'in_doubt' AND m.attempt = late.attempt
    RETURNING 1
), resolved AS (
    UPDATE doubts d
    SET resolved_as = 'unknown', resolved_at = now()
    FROM late
    WHERE d.segment = late.segment AND d.campaign_id = late.campaign_id AND d.seq = late.seq
        AND d.attempt = late.attempt AND d.resolved_as IS NULL
)
SELECT count(*) FROM moved
