-- Several spellings of one number are one message: the first one counts.
INSERT INTO messages (segment, campaign_id, seq, lane_id, phone, variables)
SELECT 0, %(campaign_id)s, seq, lane_id, phone, variables
FROM staged_recipients
WHERE seq IS NOT NULL
ORDER BY seq
ON CONFLICT (segment, campaign_id, phone) DO NOTHING
