SELECT /* held_messages */
-- The messages on their way, by state: how many there are, and for how long the oldest has been in it.
    state,
    count(*) AS messages,
    greatest(extract(epoch FROM now() - min(changed_at)), 0)::double precision AS oldest_seconds
FROM messages
WHERE state IN ('sending', 'in_doubt')
GROUP BY state
