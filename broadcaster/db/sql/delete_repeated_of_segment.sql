SELECT /* delete_repeated_of_segment */ seq, first_seq, phone FROM delete_repeated_of_segment(%(campaign_id)s)
