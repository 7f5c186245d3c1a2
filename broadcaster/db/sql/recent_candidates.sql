SELECT /* recent_candidates */
-- How many candidates were messaged too lately to get it at %(at)s, when it may leave first, by what holds them, and when the
-- first and the last of them are free: of each rule in %(pieces)s pieces of as many candidates, those first who are free first.
-- As `hold_back` decides in the claim.
    rule,
    min(free_at) AS first_at,
    max(free_at) AS at,
    count(*) AS messages
FROM (
    SELECT rule, free_at, ntile(%(pieces)s) OVER (PARTITION BY rule ORDER BY free_at) AS piece
    FROM (
        SELECT free.at AS free_at, CASE WHEN free.by_cooldown > %(at)s THEN 'cooldown' ELSE 'cap' END AS rule
        FROM candidates
        JOIN messaged_lately(%(span)s, %(grace)s) p ON p.phone = candidates.phone
        CROSS JOIN LATERAL (
            SELECT greatest(f.by_caps, f.by_cooldown) AS at, f.by_cooldown
            FROM free_again(p.moments, %(most)s::integer[], %(spans)s::integer[], %(cooldown)s::integer, %(grace)s) f
        ) free
        WHERE candidates.reason IS NULL AND free.at > %(at)s
    ) held
) told
GROUP BY rule, piece
ORDER BY at
