SELECT /* others_send */
-- Whether another campaign than %(name)s has something to send.
EXISTS (
    SELECT
    FROM campaigns c
    JOIN campaign_lanes cl ON cl.campaign_id = c.id AND cl.open AND cl.pending + cl.sending > 0
    WHERE c.state IN ('scheduled', 'running', 'paused') AND c.test_of IS NULL AND c.name <> %(name)s
)
