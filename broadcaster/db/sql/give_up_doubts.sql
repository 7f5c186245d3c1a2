WITH /* give_up_doubts */
-- What could not be read back in time is unknown, and the operator's to settle. Time in which its account could not be
-- read does not count, and what could not be read at its latest poll is read once more before. Not between a step of the
-- clock and the `recover` tick that mends what it left: an hour that never passed gives nothing up. Of a reason that is too
-- long, what reading back said is kept.
late AS (
    SELECT
        d.segment, d.campaign_id, d.seq, d.attempt,
        left(coalesce(d.reading, 'its chat was never read back'), 300) AS reading
    FROM doubts d
    JOIN accounts a ON a.id = d.account_id
    WHERE d.resolved_as IS NULL AND d.ended_at <= now() - %(deadline)s
        AND deadline_runs_from(d.ended_at, d.unreadable_seconds, d.is_unread) <= least(a.unreadable_since, now()) - %(deadline)s
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
        reason = concat_ws('; ', left(m.reason, 498 - length(late.reading)), late.reading)
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
