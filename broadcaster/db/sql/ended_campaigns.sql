WITH /* ended_campaigns */
-- Campaigns that ended lately and are not noted yet: since the tick that notes was last done, and an hour before, in which
-- a transaction may have been under way that ended one; and not before there was a receiver.
horizon AS (
    SELECT greatest(
        min(r.since),
        least(now(), coalesce((SELECT t.done_at FROM ticks t WHERE t.name = 'notices'), '-infinity')) - interval '1 hour'
    ) AS moment
    FROM receivers r
), over AS (
    SELECT c.id, c.name, c.state, c.finished_at, extract(epoch FROM c.finished_at)::text AS occurrence
    FROM horizon
    JOIN campaigns c ON c.finished_at >= horizon.moment
    WHERE c.test_of IS NULL
)
SELECT over.name, over.state, over.finished_at, over.occurrence, messages_by_state(over.id) AS messages
FROM over
WHERE NOT EXISTS (
    SELECT
    FROM notices o
    WHERE o.event = CASE over.state WHEN 'finished' THEN 'campaign.finished' ELSE 'campaign.stopped' END::notice_event
        AND o.subject = over.name AND o.occurrence = over.occurrence
)
ORDER BY over.finished_at
