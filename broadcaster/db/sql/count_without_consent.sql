SELECT /* count_without_consent */
-- How many messages of a campaign that is being stored are to somebody who has neither agreed to them nor opted out.
    count(*)
FROM messages m
WHERE m.segment = %(segment)s
    AND m.campaign_id = %(campaign_id)s
    AND NOT EXISTS (
        SELECT FROM (SELECT unnest(forms) AS form FROM consent_records) agreed WHERE agreed.form = m.phone
    )
    AND NOT EXISTS (SELECT FROM opted_out o WHERE o.phone = m.phone AND o.lane_id IN (0, m.lane_id))
