SELECT /* count_consents_kept */
-- How many people of a list that says nothing of their consent have agreed by an earlier one, and have not opted out.
    count(DISTINCT s.phone)
FROM silent_people s
JOIN (SELECT unnest(forms) AS form FROM consent_records) agreed ON agreed.form = s.phone
WHERE NOT EXISTS (SELECT FROM staged_consents c WHERE c.phone = s.phone)
    AND NOT EXISTS (SELECT FROM opted_out o WHERE o.phone = s.phone AND o.lane_id = 0)
