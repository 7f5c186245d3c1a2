SELECT /* read_snapshot */
-- The recipients in the snapshot, or only so many of them.
seq, phone, variables
FROM recipient_snapshot
ORDER BY seq
LIMIT %(most)s
