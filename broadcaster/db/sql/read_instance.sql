SELECT /* read_instance */
-- An instance with its account. The key is sealed.
    i.id,
    i.name,
    i.account_id,
    i.rate_per_second,
    i.burst,
    i.gaps,
    i.reply_rules,
    a.base_url,
    a.wire,
    a.key_encrypted,
    i.stops
FROM instances i
JOIN accounts a ON a.id = i.account_id
WHERE i.name = %(name)s
