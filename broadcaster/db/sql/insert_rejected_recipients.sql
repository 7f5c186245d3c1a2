INSERT INTO rejected_recipients (campaign_id, line, phone, reason)
SELECT %(campaign_id)s, line, phone, reason
FROM staged_recipients
WHERE seq IS NULL
UNION ALL
SELECT %(campaign_id)s, s.line, s.phone, 'is in the file already, on line ' || first.line
FROM staged_recipients s
JOIN messages m ON m.segment = 0 AND m.campaign_id = %(campaign_id)s AND m.phone = s.phone AND m.seq <> s.seq
JOIN staged_recipients first ON first.seq = m.seq
