SELECT index_segment(%(campaign_id)s)
