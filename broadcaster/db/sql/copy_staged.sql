COPY /* copy_staged */ staged_messages (phone, seq, lane_id, variables) FROM STDIN
