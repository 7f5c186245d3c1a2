COPY /* copy_consents */ staged_consents (phone, forms, words, given_on) FROM STDIN
