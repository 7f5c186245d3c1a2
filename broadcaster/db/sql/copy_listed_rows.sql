COPY /* copy_listed_rows */ listed_rows (seq, phone, variables) FROM STDIN
