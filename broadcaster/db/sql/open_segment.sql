SELECT /* open_segment */ open_segment(%(campaign_id)s, %(holds)s)
