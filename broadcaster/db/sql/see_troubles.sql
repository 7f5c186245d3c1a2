WITH /* see_troubles */
-- What does not pass is kept as it was found by the latest look: what is new comes in, what is there again lasts on, and what
-- is not there any more is over from now on. Until it is told, time in which it was over does not count towards its patience.
-- What nobody is told of any more (not in %(looked)s) goes. Under `may_note`.
found AS (
    SELECT DISTINCT event, subject, coalesce(occurrence, '') AS cause
    FROM jsonb_to_recordset(%(found)s::jsonb) AS each (event notice_event, subject text, occurrence text)
), come AS (
    INSERT INTO troubles (event, subject, cause)
    SELECT event, subject, cause FROM found
    ON CONFLICT (event, subject, cause) DO UPDATE
    SET
        over_since = NULL,
        seen_since = CASE
            WHEN troubles.noted_at IS NULL THEN troubles.seen_since + greatest(now() - troubles.over_since, interval '0')
            ELSE troubles.seen_since
        END
    WHERE troubles.over_since IS NOT NULL
), unasked AS (
    DELETE FROM troubles WHERE NOT event = ANY (%(looked)s::text[]::notice_event[])
)
UPDATE troubles t
SET over_since = now()
WHERE t.over_since IS NULL AND t.event = ANY (%(looked)s::text[]::notice_event[]) AND NOT EXISTS (
    SELECT FROM found f WHERE f.event = t.event AND f.subject = t.subject AND f.cause = t.cause
)
