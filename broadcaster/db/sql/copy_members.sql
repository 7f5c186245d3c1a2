COPY staged_members (seq, phone, variables) FROM STDIN
