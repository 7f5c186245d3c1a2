SELECT /* sample_messages */
-- The first few recipients of a campaign in file order, or one of them.
m.phone, coalesce(m.variables, '{}') AS variables
FROM campaigns c
JOIN messages m ON m.segment = c.segment AND m.campaign_id = c.id
WHERE c.id = %(campaign_id)s AND m.phone IS NOT NULL AND (%(phone)s::text IS NULL OR m.phone = %(phone)s::text)
ORDER BY m.seq
LIMIT %(most)s
