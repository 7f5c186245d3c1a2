INSERT /* insert_messages */ INTO messages (segment, campaign_id, seq, lane_id, phone, ordinal, recipient_group, variables)
SELECT 0, %(campaign_id)s, seq, lane_id, phone, ordinal, recipient_group, variables
FROM staged_messages
