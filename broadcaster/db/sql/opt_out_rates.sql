WITH /* opt_out_rates */
-- Campaigns in which somebody opted out lately by a reply, and so more of their messages than one of the receivers' bounds
-- allows, of those through instances whose replies are read, once these are %(judged_from)s. Each bound is noted once.
horizon AS (
    SELECT greatest(
        min(r.since),
        least(now(), coalesce((SELECT t.done_at FROM ticks t WHERE t.name = 'notices'), '-infinity')) - interval '1 hour'
    ) AS moment
    FROM receivers r
), bounds AS (
    SELECT DISTINCT r.optouts_above AS bound FROM receivers r WHERE 'campaign.optouts' = ANY (r.events)
), lately AS (
    SELECT DISTINCT i.campaign_id
    FROM horizon
    JOIN inbound_messages i ON i.noted_at >= horizon.moment AND i.meaning = 'stop' AND i.campaign_id IS NOT NULL
), counted AS (
    SELECT
        c.name,
        c.state,
        (
            SELECT coalesce(sum(cl.sent), 0)::bigint
            FROM campaign_lanes cl
            JOIN instances i ON i.id = cl.lane_id AND i.read_replies_seconds IS NOT NULL
            WHERE cl.campaign_id = c.id
        ) AS read,
        (
            SELECT count(DISTINCT i.seq) FROM inbound_messages i WHERE i.campaign_id = c.id AND i.meaning = 'stop'
        ) AS opted_out
    FROM lately
    JOIN campaigns c ON c.id = lately.campaign_id
    WHERE c.test_of IS NULL
)
SELECT counted.name, counted.state, counted.read, counted.opted_out, bounds.bound, bounds.bound::text AS occurrence
FROM counted
JOIN bounds ON counted.opted_out > bounds.bound * counted.read
WHERE counted.read >= %(judged_from)s AND NOT EXISTS (
    SELECT
    FROM notices o
    WHERE o.event = 'campaign.optouts' AND o.subject = counted.name AND o.occurrence = bounds.bound::text
)
ORDER BY counted.name, bounds.bound
