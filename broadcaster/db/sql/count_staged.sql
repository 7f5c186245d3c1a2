SELECT count(*) FROM staged_messages
