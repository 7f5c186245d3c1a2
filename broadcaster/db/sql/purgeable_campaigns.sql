SELECT /* purgeable_campaigns */
-- What would go of the campaigns that ended %(older_than)s ago or earlier, and what keeps them from it; those that were
-- created so long ago and have not ended are told of too. With a name: of that one, whenever it ended, and of its tests.
    c.id,
    c.name,
    c.state,
    c.finished_at,
    coalesce((SELECT sum(cl.total) FROM campaign_lanes cl WHERE cl.campaign_id = c.id), 0)::bigint AS messages,
    (SELECT count(*) FROM attempts a WHERE a.segment = c.segment AND a.campaign_id = c.id) AS attempts,
    (SELECT count(*) FROM rejected_recipients r WHERE r.campaign_id = c.id) AS rejected,
    kept_because(c.id, %(older_than)s) AS kept_because
FROM campaigns c
LEFT JOIN campaigns tested ON tested.id = c.test_of
WHERE c.purged_at IS NULL
    AND (
        c.name = %(name)s::text
        OR (coalesce(c.finished_at, c.created_at) <= now() - %(older_than)s AND (%(name)s::text IS NULL OR tested.name = %(name)s::text))
    )
ORDER BY c.finished_at, c.id
