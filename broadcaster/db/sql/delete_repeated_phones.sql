-- Several spellings of one number are one message: the first one counts.
DELETE FROM {table} m
USING (SELECT phone, min(seq) AS seq FROM {table} GROUP BY phone HAVING count(*) > 1) first
WHERE m.phone = first.phone AND m.seq > first.seq
RETURNING m.seq, first.seq, m.phone
