INSERT /* insert_messages */ INTO {messages} (
    segment, campaign_id, seq, lane_id, phone, ordinal, recipient_group, variables, next_attempt_at, home_lane_id
)
-- Those of a campaign with a canary are held until a slice opens.
SELECT
    %(segment)s, c.id, s.seq, s.lane_id, s.phone, s.ordinal, s.recipient_group, s.variables,
    CASE WHEN c.care ? 'canary' THEN 'infinity' ELSE '-infinity' END::timestamptz, s.home_lane_id
FROM staged_messages s
JOIN campaigns c ON c.id = %(campaign_id)s
