-- Makes the members that an audience has now a campaign's messages, all in one statement and so in one snapshot;
-- those that can be sent nothing are kept with the reason. The lanes get shares in proportion to their rates, evenly
-- spread: multiples of the golden ratio, modulo 1, lie in any interval as often as it is long, however few there are.
WITH share AS (
    SELECT
        cl.lane_id,
        coalesce(i.rate_per_second, greatest(100, 10 * max(i.rate_per_second) OVER ())) AS weight
    FROM campaign_lanes cl
    JOIN instances i ON i.id = cl.lane_id
    WHERE cl.campaign_id = %(campaign_id)s
), deal AS ( -- each lane with where its part of the interval from 0 to 1 begins
    SELECT array_agg(lane_id ORDER BY lane_id) AS lanes, array_agg(begins ORDER BY lane_id) AS begins
    FROM (
        SELECT lane_id, (sum(weight) OVER (ORDER BY lane_id) - weight) / sum(weight) OVER () AS begins
        FROM share
    ) part
), recipient AS (
    SELECT row_number() OVER (ORDER BY r.phone) AS seq, r.phone, r.variables, r.fault
    FROM audience_recipients(
        %(audience_id)s, %(conditions)s::jsonb, %(campaign_variables)s::jsonb, %(template)s::jsonb
    ) r
), rejected AS (
    INSERT INTO rejected_recipients (campaign_id, line, phone, reason)
    SELECT %(campaign_id)s, seq, phone, fault
    FROM recipient
    WHERE fault IS NOT NULL
)
INSERT INTO {messages} (segment, campaign_id, seq, lane_id, phone, variables)
SELECT
    %(segment)s,
    %(campaign_id)s,
    r.seq,
    deal.lanes[width_bucket(r.seq * 0.6180339887498949::float8 - floor(r.seq * 0.6180339887498949::float8), deal.begins)],
    r.phone,
    r.variables
FROM recipient r
CROSS JOIN deal
WHERE r.fault IS NULL
