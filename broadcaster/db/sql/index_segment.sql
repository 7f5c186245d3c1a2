SELECT /* index_segment */ index_segment(%(campaign_id)s)
