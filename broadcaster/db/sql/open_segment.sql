SELECT open_segment(%(campaign_id)s)
