CREATE /* candidates_of_members */ TEMPORARY TABLE candidates ON COMMIT DROP AS
-- The same of those of an audience who meet the conditions.
SELECT
    r.phone,
    NULL::integer AS lane_id,
    NULL::integer AS seq,
    0::smallint AS recipient_group,
    CASE WHEN %(require_consent)s AND agreed.phone IS NULL THEN 'no_consent' END AS reason
FROM audience_recipients(
    %(audience_id)s, %(wanted)s::jsonb, %(campaign_variables)s::jsonb, %(template)s::jsonb
) r
LEFT JOIN (
    SELECT DISTINCT unnest(forms) AS phone FROM consent_records WHERE %(require_consent)s
) agreed ON agreed.phone = r.phone
WHERE {members}
    AND r.fault IS NULL
    AND NOT EXISTS (
        SELECT
        FROM opted_out o
        WHERE o.phone = r.phone AND (o.lane_id = 0 OR %(of_lanes)s::integer[] = ARRAY[o.lane_id])
    )
