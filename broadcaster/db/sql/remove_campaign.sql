SELECT /* remove_campaign */ remove_campaign(%(campaign_id)s)
