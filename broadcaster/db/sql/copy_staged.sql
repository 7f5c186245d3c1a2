COPY /* copy_staged */ staged_messages (phone, seq, lane_id, recipient_group, variables) FROM STDIN
