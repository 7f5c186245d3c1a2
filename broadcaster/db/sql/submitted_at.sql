SELECT /* submitted_at */
-- From when to when these campaigns waited for their start.
    id AS campaign_id,
    created_at,
    coalesce(started_at, now()) AS started_at
FROM campaigns
WHERE id = ANY(%(campaigns)s::bigint[])
