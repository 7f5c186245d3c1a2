UPDATE /* note_faults */ recipient_snapshot s
-- Why these of the snapshot can be sent nothing.
SET fault = wrong.fault
FROM unnest(%(seqs)s::bigint[], %(faults)s::text[]) AS wrong (seq, fault)
WHERE s.seq = wrong.seq
