COPY /* copy_silent_people */ silent_people (phone) FROM STDIN
