SELECT /* people_to_plan */
-- What the campaign called %(name)s asks of its people: nothing where it is a test, or confirms opt-outs.
    c.id,
    c.segment,
    c.started_at IS NOT NULL AS has_started,
    greatest(c.starts_at, now()) AS at,
    c.care,
    (
        SELECT coalesce(sum(cl.pending), 0)::bigint FROM campaign_lanes cl WHERE cl.campaign_id = c.id
    ) AS pending
FROM campaigns c
WHERE c.name = %(name)s AND c.test_of IS NULL AND c.confirms IS NULL
