SELECT /* lock_unused_accounts */
-- Locks the accounts that no instance has any more, so that none gets one back while its key is being erased.
a.id
FROM accounts a
WHERE a.key_encrypted IS NOT NULL AND NOT EXISTS (SELECT FROM instances i WHERE i.account_id = a.id)
ORDER BY a.id
FOR UPDATE OF a SKIP LOCKED
