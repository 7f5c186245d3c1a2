WITH /* change_content */
-- From the commit on the campaign sends another version of its content. Messages that were claimed before get the one
-- that they were claimed with.
campaign AS MATERIALIZED (
    SELECT id, content_version + 1 AS version
    FROM campaigns
    WHERE id = %(campaign_id)s AND state IN ('draft', 'scheduled', 'paused')
    FOR NO KEY UPDATE
), made AS (
    INSERT INTO content_versions (campaign_id, version, content_id, caption, filename, locale)
    SELECT id, version, %(content_id)s, %(caption)s, %(filename)s, %(locale)s FROM campaign
)
UPDATE campaigns c
SET content_version = campaign.version
FROM campaign
WHERE c.id = campaign.id
RETURNING c.content_version
