-- The messages on their way, by state: how many there are, and for how long the oldest has been in it.
SELECT state, count(*) AS messages, extract(epoch FROM now() - min(changed_at))::double precision AS oldest_seconds
FROM messages
WHERE state IN ('sending', 'in_doubt')
GROUP BY state
