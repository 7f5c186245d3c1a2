WITH /* deal_snapshot */
-- Makes those of the snapshot who can be sent to a campaign's messages, in {messages}, and keeps the others with the
-- reason. Those of a campaign with a canary are held until a slice opens. Whoever has a home goes through that; of the
-- others the lanes get shares in proportion to %(shares)s, where given, or to their weights or rates, evenly spread: multiples of the golden ratio,
-- modulo 1, lie in any interval as often as it is long, however few there are.
share AS (
    SELECT
        cl.lane_id,
        coalesce(
            cl.weight,
            CASE -- of those that have one, all may have been retired since
                WHEN bool_or((%(shares)s::jsonb ->> cl.lane_id::text)::float8 > 0) OVER ()
                    THEN (%(shares)s::jsonb ->> cl.lane_id::text)::float8
            END,
            i.typical_rate_per_second,
            greatest(100, 10 * max(i.typical_rate_per_second) OVER ())
        ) AS weight
    FROM campaign_lanes cl
    JOIN instances i ON i.id = cl.lane_id
    WHERE cl.campaign_id = %(campaign_id)s AND NOT cl.retired AND i.retired_at IS NULL
), deal AS ( -- each lane with where its part of the interval from 0 to 1 begins
    SELECT array_agg(lane_id ORDER BY lane_id) AS lanes, array_agg(begins ORDER BY lane_id) AS begins
    FROM (
        SELECT lane_id, (sum(weight) OVER (ORDER BY lane_id) - weight) / sum(weight) OVER () AS begins
        FROM share
        WHERE weight > 0
    ) part
), rejected AS (
    INSERT INTO rejected_recipients (campaign_id, line, phone, reason)
    SELECT %(campaign_id)s, seq, phone, fault
    FROM recipient_snapshot
    WHERE fault IS NOT NULL
)
INSERT INTO {messages} (
    segment, campaign_id, seq, lane_id, phone, ordinal, recipient_group, variables, next_attempt_at, home_lane_id
)
SELECT
    %(segment)s,
    %(campaign_id)s,
    s.seq,
    coalesce(s.home_lane_id, deal.lanes[width_bucket(
        s.seq * 0.6180339887498949::float8 - floor(s.seq * 0.6180339887498949::float8), deal.begins
    )]),
    s.phone,
    s.ordinal,
    coalesce((groups.by_beginning -> left(s.phone, groups.digits))::smallint, 0),
    s.variables,
    (SELECT CASE WHEN care ? 'canary' THEN 'infinity' ELSE '-infinity' END::timestamptz FROM campaigns WHERE id = %(campaign_id)s),
    s.home_lane_id
FROM recipient_snapshot s
CROSS JOIN deal
CROSS JOIN (SELECT %(groups)s::jsonb AS by_beginning, %(digits)s AS digits) groups
WHERE s.fault IS NULL
