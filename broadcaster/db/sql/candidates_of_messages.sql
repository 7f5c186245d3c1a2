CREATE /* candidates_of_messages */ TEMPORARY TABLE candidates ON COMMIT DROP AS
-- The messages of a campaign that may be left out; whoever has opted out is left out anyway. Marked are those whose people
-- have not agreed to messages, where they have to.
SELECT
    m.phone,
    m.lane_id,
    m.seq,
    m.recipient_group,
    CASE WHEN %(require_consent)s AND agreed.phone IS NULL THEN 'no_consent' END AS reason
FROM messages m
LEFT JOIN (
    SELECT DISTINCT unnest(forms) AS phone FROM consent_records WHERE %(require_consent)s
) agreed ON agreed.phone = m.phone
WHERE m.segment = %(segment)s AND m.campaign_id = %(campaign_id)s AND m.state = 'pending'
    AND NOT EXISTS (SELECT FROM opted_out o WHERE o.phone = m.phone AND o.lane_id IN (0, m.lane_id))
