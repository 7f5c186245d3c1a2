SELECT /* attach_segment */ attach_segment(%(campaign_id)s)
