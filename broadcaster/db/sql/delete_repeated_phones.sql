DELETE /* delete_repeated_phones */
-- Several spellings of one number are one message: the first one stays. So it is in segments (delete_repeated_of_segment.sql).
FROM staged_messages m
USING (SELECT phone, min(seq) AS seq FROM staged_messages GROUP BY phone HAVING count(*) > 1) first
WHERE m.phone = first.phone AND m.seq > first.seq
RETURNING m.seq, first.seq, m.phone
