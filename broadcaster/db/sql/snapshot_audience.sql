CREATE /* snapshot_audience */
-- The members that an audience has now, numbered in the order of phones: all in one snapshot.
TEMPORARY TABLE recipient_snapshot ON COMMIT DROP AS
SELECT row_number() OVER (ORDER BY r.phone) AS seq, r.phone, 1 AS ordinal, r.variables, r.fault, NULL::integer AS home_lane_id
FROM audience_recipients(
    %(audience_id)s, %(wanted)s::jsonb, %(campaign_variables)s::jsonb, %(template)s::jsonb
) r
WHERE {members}
