WITH /* ripe_troubles */
-- What has lasted for its event's patience (%(patience)s, seconds by event) is told now, and once. Under `may_note`.
ripe AS (
    UPDATE troubles t
    SET noted_at = now()
    WHERE t.noted_at IS NULL AND t.over_since IS NULL
        AND t.seen_since <= now() - make_interval(secs => (%(patience)s::jsonb ->> t.event::text)::float8)
    RETURNING t.event, t.subject, t.cause, t.seen_since
)
SELECT event, subject, cause, seen_since FROM ripe ORDER BY event, subject, cause
