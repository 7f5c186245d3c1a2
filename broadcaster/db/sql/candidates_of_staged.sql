CREATE /* candidates_of_staged */ TEMPORARY TABLE candidates ON COMMIT DROP AS
-- The same of messages that are staged alone, with the consents of their list. The numbers of their groups mean nothing.
SELECT
    m.phone,
    m.lane_id,
    m.seq,
    0::smallint AS recipient_group,
    CASE WHEN %(require_consent)s AND agreed.phone IS NULL THEN 'no_consent' END AS reason
FROM staged_messages m
LEFT JOIN (
    SELECT unnest(forms) AS phone FROM consent_records WHERE %(require_consent)s
    UNION
    SELECT unnest(forms) FROM staged_consents
) agreed ON agreed.phone = m.phone
WHERE NOT EXISTS (SELECT FROM opted_out o WHERE o.phone = m.phone AND o.lane_id IN (0, m.lane_id))
