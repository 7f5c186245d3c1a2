COPY /* copy_members */ staged_members (seq, phone, variables) FROM STDIN
