CREATE /* snapshot_clone */
-- The recipients of a campaign who were not forgotten, in its order: those of its clone.
TEMPORARY TABLE recipient_snapshot ON COMMIT DROP AS
SELECT row_number() OVER (ORDER BY m.seq) AS seq, m.phone, m.ordinal, m.variables, NULL::text AS fault,
    NULL::integer AS home_lane_id
FROM campaigns c
JOIN messages m ON m.segment = c.segment AND m.campaign_id = c.id
WHERE c.id = %(campaign_id)s AND m.phone IS NOT NULL
