WITH /* contended_candidates */
-- How many people among the candidates are still to get something from other campaigns that are to be sent: by campaign, those
-- with the most first, and all of them, where `campaign` is null.
theirs AS MATERIALIZED (
    SELECT DISTINCT phone FROM candidates WHERE reason IS NULL
), others AS MATERIALIZED (
    SELECT c.id, c.segment, c.name
    FROM campaigns c
    WHERE c.state IN ('scheduled', 'running', 'paused') AND c.test_of IS NULL AND c.name <> %(name)s
        AND EXISTS (
            SELECT FROM campaign_lanes cl WHERE cl.campaign_id = c.id AND cl.open AND cl.pending + cl.sending > 0
        )
), met AS MATERIALIZED (
    SELECT DISTINCT others.name, theirs.phone
    FROM others
    JOIN messages m ON m.segment = others.segment AND m.campaign_id = others.id AND m.state IN ('pending', 'sending')
    JOIN theirs ON theirs.phone = m.phone
)
SELECT NULL AS campaign, count(*) AS people FROM (SELECT DISTINCT phone FROM met) each_person
UNION ALL
(SELECT name, count(*) FROM met GROUP BY name ORDER BY 2 DESC, 1)
