WITH /* begin_frequency */
-- Claims keep messaged_phones from now on, for spans of %(span)s seconds at least; the caller has locked them out. What is
-- being sent just now is noted here; what was sent before, extend_frequency finds in the history.
begun AS (
    INSERT INTO frequency_records (since, span_seconds, grace_seconds)
    VALUES (clock_timestamp(), %(span)s, %(grace)s)
    ON CONFLICT (is_kept) DO NOTHING
    RETURNING true
)
INSERT INTO messaged_phones AS p (phone, moments)
SELECT m.phone, array_agg(m.changed_at ORDER BY m.changed_at DESC)
FROM messages m
WHERE m.state = 'sending' AND m.phone IS NOT NULL AND (SELECT true FROM begun)
GROUP BY m.phone
ON CONFLICT (phone) DO UPDATE SET moments = excluded.moments || p.moments
