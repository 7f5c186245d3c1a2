CREATE /* imported_members */
-- Several spellings of one number are one member: the first one counts.
TEMPORARY TABLE imported_members ON COMMIT DROP AS
SELECT DISTINCT ON (phone) phone, variables FROM staged_members ORDER BY phone, seq
