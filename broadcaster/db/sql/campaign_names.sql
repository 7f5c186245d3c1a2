SELECT /* campaign_names */
-- What operators call these campaigns, a few at most.
name
FROM campaigns
WHERE id = ANY(%(campaigns)s::bigint[])
ORDER BY name
LIMIT %(most)s
