COPY /* copy_opt_outs */ staged_opt_outs (phone, forms) FROM STDIN
