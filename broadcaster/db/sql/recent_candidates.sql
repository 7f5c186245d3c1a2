SELECT /* recent_candidates */
-- How many candidates were messaged too lately to get it at %(at)s, when it may leave first, by what holds them and by the hour
-- in which they are free.
-- As `hold_back` decides in the claim.
    CASE WHEN free.by_cooldown > %(at)s THEN 'cooldown' ELSE 'cap' END AS reason,
    min(free.at) AS first_free_at,
    max(free.at) AS free_at,
    count(*) AS messages
FROM candidates
JOIN messaged_lately(%(span)s, %(grace)s) p ON p.phone = candidates.phone
CROSS JOIN LATERAL (
    SELECT greatest(f.by_caps, f.by_cooldown) AS at, f.by_cooldown
    FROM free_again(p.moments, %(most)s::integer[], %(spans)s::integer[], %(cooldown)s::integer, %(grace)s) f
) free
WHERE candidates.reason IS NULL AND free.at > %(at)s
GROUP BY 1, date_bin('1 hour', free.at, 'epoch')
ORDER BY 3
