SELECT /* campaigns_asking_people */
-- Which campaigns that are running or are to start let people wait, or skip them, by what others have sent these.
    id
FROM campaigns
WHERE state IN ('scheduled', 'running')
    AND ((care ->> 'cooldown') IS NOT NULL OR ((care ->> 'beyond_caps') IS NULL AND EXISTS (SELECT FROM caps)))
