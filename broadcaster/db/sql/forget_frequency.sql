DELETE /* forget_frequency */
-- Claims keep messaged_phones no more where there is neither a cap nor a campaign with a cooldown of which something may be
-- sent again; the caller has locked claims out.
FROM frequency_records
WHERE NOT EXISTS (SELECT FROM caps)
    AND NOT EXISTS (SELECT FROM campaigns WHERE care ? 'cooldown' AND purged_at IS NULL)
RETURNING true
