SELECT /* lock_rests */
-- The first campaign and all rests of it, locked, so that nothing of them is retried or sent again until the commit.
-- The first one is locked before, by another statement: so this one sees every rest that was taken before.
    c.id,
    c.name,
    c.state,
    c.purged_at,
    c.started_at IS NOT NULL AS has_started,
    coalesce(n.pending, 0) AS pending,
    coalesce(n.unsettled, 0) AS unsettled
FROM campaigns c
LEFT JOIN LATERAL (
    SELECT sum(cl.pending)::bigint AS pending, sum(cl.in_doubt + cl.unknown)::bigint AS unsettled
    FROM campaign_lanes cl
    WHERE cl.campaign_id = c.id
) n ON true
WHERE c.id = %(first)s OR c.rest_of = %(first)s
ORDER BY c.id
FOR NO KEY UPDATE OF c
