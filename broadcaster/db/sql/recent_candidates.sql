SELECT /* recent_candidates */
-- How many candidates were messaged too lately to get it at %(at)s, by what holds them and by the hour
-- in which they are free.
-- As `hold_back` decides in the claim.
    CASE WHEN free.by_cooldown > %(at)s THEN 'cooldown' ELSE 'cap' END AS reason,
    min(free.at) AS first_free_at,
    max(free.at) AS free_at,
    count(*) AS messages
FROM candidates
JOIN messaged_lately(%(span)s, %(grace)s) p ON p.phone = candidates.phone
CROSS JOIN LATERAL (
    SELECT greatest(by_caps, by_cooldown) AS at, by_cooldown
    FROM (
        SELECT
            (
                SELECT max(p.moments[cap.most] + make_interval(secs => cap.span + %(grace)s))
                FROM unnest(%(most)s::integer[], %(spans)s::integer[]) AS cap (most, span)
            ) AS by_caps,
            p.moments[1] + make_interval(secs => %(cooldown)s::integer + %(grace)s) AS by_cooldown
    ) each_rule
) free
WHERE candidates.reason IS NULL AND free.at > %(at)s
GROUP BY 1, date_bin('1 hour', free.at, 'epoch')
ORDER BY 3
