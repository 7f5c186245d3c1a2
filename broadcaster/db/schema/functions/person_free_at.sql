-- From when on a person may get a message of a campaign with this care, as `hold_back` decides; null: no rule says anything.
-- A message that waits is looked at again within the grace where the outcome of the latest one to its person may give her back;
-- if it does not, she is free only then. Later than that a message that waits is due when its person is free.
CREATE FUNCTION person_free_at(number text, care jsonb) RETURNS timestamptz LANGUAGE sql STABLE AS $$
    SELECT greatest(free.by_caps, free.by_cooldown)
    FROM frequency_records f
    CROSS JOIN messaged_phones p
    CROSS JOIN (SELECT array_agg(most) AS most, array_agg(span_seconds) AS spans FROM caps) cap
    CROSS JOIN LATERAL free_again(
        p.moments,
        CASE WHEN (care ->> 'beyond_caps') IS NULL THEN cap.most END,
        cap.spans,
        (care ->> 'cooldown')::integer,
        f.grace_seconds
    ) free
    WHERE p.phone = number
$$;
