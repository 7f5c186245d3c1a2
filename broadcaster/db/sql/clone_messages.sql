WITH /* clone_messages */
-- Gives a new campaign, in {messages}, the recipients of another one that were not forgotten, in the same order. They are
-- dealt to its lanes as `deal_snapshot` deals.
share AS (
    SELECT
        cl.lane_id,
        coalesce(i.rate_per_second, greatest(100, 10 * max(i.rate_per_second) OVER ())) AS weight
    FROM campaign_lanes cl
    JOIN instances i ON i.id = cl.lane_id
    WHERE cl.campaign_id = %(clone_id)s
), deal AS (
    SELECT array_agg(lane_id ORDER BY lane_id) AS lanes, array_agg(begins ORDER BY lane_id) AS begins
    FROM (
        SELECT lane_id, (sum(weight) OVER (ORDER BY lane_id) - weight) / sum(weight) OVER () AS begins
        FROM share
    ) part
), recipient AS (
    SELECT row_number() OVER (ORDER BY m.seq) AS seq, m.phone, m.ordinal, m.recipient_group, m.variables
    FROM campaigns c
    JOIN messages m ON m.segment = c.segment AND m.campaign_id = c.id
    WHERE c.id = %(campaign_id)s AND m.phone IS NOT NULL
)
INSERT INTO {messages} (segment, campaign_id, seq, lane_id, phone, ordinal, recipient_group, variables)
SELECT
    %(segment)s,
    %(clone_id)s,
    r.seq,
    deal.lanes[width_bucket(r.seq * 0.6180339887498949::float8 - floor(r.seq * 0.6180339887498949::float8), deal.begins)],
    r.phone,
    r.ordinal,
    r.recipient_group,
    r.variables
FROM recipient r
CROSS JOIN deal
