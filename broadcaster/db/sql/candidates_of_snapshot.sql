CREATE /* candidates_of_snapshot */ TEMPORARY TABLE candidates ON COMMIT DROP AS
-- The same of recipients in a snapshot, whose lanes nobody knows yet.
SELECT
    s.phone,
    NULL::integer AS lane_id,
    s.seq::integer AS seq,
    0::smallint AS recipient_group,
    CASE WHEN %(require_consent)s AND agreed.phone IS NULL THEN 'no_consent' END AS reason
FROM recipient_snapshot s
LEFT JOIN (
    SELECT DISTINCT unnest(forms) AS phone FROM consent_records WHERE %(require_consent)s
) agreed ON agreed.phone = s.phone
WHERE s.fault IS NULL AND NOT EXISTS (SELECT FROM opted_out o WHERE o.phone = s.phone AND o.lane_id = 0)
