SELECT /* count_without_consent_staged */
-- The same of messages that are staged alone, with the consents of their list.
    count(*)
FROM staged_messages m
WHERE NOT EXISTS (
        SELECT
        FROM (
            SELECT unnest(forms) AS form FROM consent_records
            UNION ALL
            SELECT unnest(forms) FROM staged_consents
        ) agreed
        WHERE agreed.form = m.phone
    )
    AND NOT EXISTS (SELECT FROM opted_out o WHERE o.phone = m.phone AND o.lane_id IN (0, m.lane_id))
