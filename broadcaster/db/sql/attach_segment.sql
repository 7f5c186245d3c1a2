SELECT attach_segment(%(campaign_id)s)
