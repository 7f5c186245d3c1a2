SELECT /* public_keys */
-- What proofs were ever signed with, the latest first.
    encode(public_key, 'hex') AS public_key,
    made_at,
    key_encrypted IS NOT NULL AS signs
FROM signing_keys
ORDER BY made_at DESC, public_key
