-- To whom attempts were made, by the history: when each was recorded, or, of one that was in doubt, when it was intended.
-- What is provably not accepted is left out, and what was said to be so by an operator. What is being sent is not in it.
CREATE FUNCTION messaged_between(since timestamptz, until timestamptz)
RETURNS TABLE (phone text, moment timestamptz) LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT m.phone, coalesce(d.started_at, a.finished_at)
    FROM accounts
    JOIN attempts a ON a.account_id = accounts.id AND a.finished_at >= messaged_between.since
    JOIN messages m ON m.segment = a.segment AND m.campaign_id = a.campaign_id AND m.seq = a.seq
    LEFT JOIN doubts d
        ON d.segment = a.segment AND d.campaign_id = a.campaign_id AND d.seq = a.seq AND d.attempt = a.attempt
    WHERE a.outcome IN ('accepted', 'unknown')
        AND m.phone IS NOT NULL
        AND d.resolved_as IS DISTINCT FROM 'absent'
        AND coalesce(d.started_at, a.finished_at) < messaged_between.until
        AND NOT EXISTS (
            SELECT
            FROM settlements s
            WHERE s.campaign_id = a.campaign_id AND s.seq = a.seq AND s.attempt = a.attempt AND s.segment = a.segment
                AND s.to_state IN ('failed', 'pending')
        );
END;
