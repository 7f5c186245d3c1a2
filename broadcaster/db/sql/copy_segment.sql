COPY /* copy_segment */
-- Frozen: nobody sees the table before it is committed, and no vacuum has to write all of it once more.
{messages} (phone, seq, lane_id, recipient_group, variables) FROM STDIN WITH (FREEZE)
