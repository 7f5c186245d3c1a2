SELECT /* count_staged */ count(*) FROM staged_messages
