UPDATE /* erase_unused_keys */
-- Erases the keys of those of %(accounts)s, which are locked, that no instance has any more, and of which nothing is in
-- doubt or can come to be.
accounts a
SET key_encrypted = NULL
WHERE a.id = ANY (%(accounts)s)
    AND NOT EXISTS (SELECT FROM instances i WHERE i.account_id = a.id)
    AND NOT EXISTS (SELECT FROM lanes l WHERE l.account_id = a.id AND l.lease_token IS NOT NULL)
    AND NOT EXISTS (SELECT FROM doubts d WHERE d.account_id = a.id AND d.resolved_as IS NULL)
