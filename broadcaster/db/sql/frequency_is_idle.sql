SELECT /* frequency_is_idle */
-- Whether claims keep messaged_phones though nothing asks for it.
EXISTS (SELECT FROM frequency_records)
    AND NOT EXISTS (SELECT FROM caps)
    AND NOT EXISTS (SELECT FROM campaigns WHERE care ? 'cooldown' AND purged_at IS NULL)
