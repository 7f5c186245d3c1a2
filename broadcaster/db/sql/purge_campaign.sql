SELECT /* purge_campaign */ messages, attempts, rejected_recipients AS rejected
FROM purge_campaign(%(campaign_id)s, %(older_than)s)
