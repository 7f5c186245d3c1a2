SELECT /* number_repeated_of_segment */ seq, first_seq, ordinal FROM number_repeated_of_segment(%(campaign_id)s, %(most)s)
