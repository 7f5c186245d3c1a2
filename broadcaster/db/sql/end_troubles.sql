WITH /* end_troubles */
-- What has been over for its event's calm (%(calm)s, seconds by event) is forgotten, so that it is told anew if it comes
-- again. Returns the instances of whose trouble receivers were told and that are well: nothing else of theirs is left, they
-- are there, and no operator keeps them from sending. Under `may_note`.
over AS (
    DELETE FROM troubles t
    WHERE t.over_since <= now() - make_interval(secs => (%(calm)s::jsonb ->> t.event::text)::float8)
    RETURNING t.event, t.subject, t.cause, t.noted_at
)
SELECT over.subject AS instance, max(over.noted_at) AS told_at
FROM over
JOIN instances i ON i.name = over.subject AND i.retired_at IS NULL
JOIN lanes l ON l.id = i.id AND l.health IN ('ok', 'throttled')
WHERE over.event = 'instance.trouble' AND over.noted_at IS NOT NULL AND NOT EXISTS (
    SELECT
    FROM troubles t
    WHERE t.event = over.event AND t.subject = over.subject
        AND NOT EXISTS (SELECT FROM over gone WHERE gone.event = t.event AND gone.subject = t.subject AND gone.cause = t.cause)
)
GROUP BY over.subject
ORDER BY over.subject
