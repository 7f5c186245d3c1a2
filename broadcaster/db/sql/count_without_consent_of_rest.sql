SELECT /* count_without_consent_of_rest */
-- How many of the rest of a campaign have neither agreed to messages nor opted out from all.
    count(*)
FROM recipient_snapshot s
WHERE s.fault IS NULL
    AND NOT EXISTS (
        SELECT FROM (SELECT unnest(forms) AS form FROM consent_records) agreed WHERE agreed.form = s.phone
    )
    AND NOT EXISTS (SELECT FROM opted_out o WHERE o.phone = s.phone AND o.lane_id = 0)
