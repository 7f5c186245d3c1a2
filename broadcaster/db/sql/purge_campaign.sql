SELECT * FROM purge_campaign(%(campaign_id)s, %(older_than)s)
