-- Until when a person is kept for messages of a higher priority that wait for the same person: for ten minutes from when
-- they are due. Null: nobody waits. One that was never tried does not wait, and one that a canary holds neither.
CREATE FUNCTION kept_for_others(number text, of_priority smallint) RETURNS timestamptz LANGUAGE plpgsql STABLE AS $$
DECLARE
    kept CONSTANT interval := '10 minutes';
BEGIN
    RETURN (
        SELECT max(waiting.next_attempt_at) + kept
        FROM public.campaigns c
        CROSS JOIN LATERAL ( -- by key, whatever is known of a table that has just been filled
            SELECT m.next_attempt_at, m.state
            FROM public.messages m
            WHERE m.segment = c.segment AND m.campaign_id = c.id AND m.phone = number
            OFFSET 0
        ) waiting
        WHERE c.state = 'running' AND c.priority > of_priority AND (c.expires_at IS NULL OR c.expires_at > now())
            AND waiting.state = 'pending'
            AND waiting.next_attempt_at > now() - kept AND waiting.next_attempt_at < 'infinity'
    );
END
$$;
