SELECT /* countries_of_instances */
-- The countries that instances have: of those with these names, or that a campaign is sent through; null: of all.
DISTINCT i.country
FROM instances i
WHERE i.country IS NOT NULL
AND (%(names)s::text[] IS NULL OR i.name = ANY(%(names)s::text[]))
AND (
    %(campaign)s::text IS NULL
    OR i.id IN (
        SELECT cl.lane_id FROM campaign_lanes cl JOIN campaigns c ON c.id = cl.campaign_id WHERE c.name = %(campaign)s
    )
)
