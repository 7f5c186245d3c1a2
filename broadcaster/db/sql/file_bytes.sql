SELECT body FROM contents WHERE id = %(content_id)s
