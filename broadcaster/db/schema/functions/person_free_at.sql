-- From when on a person may get a message of a campaign with this care, as `hold_back` decides; null: no rule says anything.
-- A message that waits is looked at again within the grace where the outcome of the latest one to its person may give her back;
-- if it does not, she is free only then. Later than that a message that waits is due when its person is free.
CREATE FUNCTION person_free_at(number text, care jsonb) RETURNS timestamptz LANGUAGE sql STABLE AS $$
    SELECT greatest(
        CASE WHEN (care ->> 'beyond_caps') IS NULL THEN (
            SELECT max(p.moments[cap.most] + make_interval(secs => cap.span_seconds + f.grace_seconds))
            FROM caps cap
        ) END,
        p.moments[1] + make_interval(secs => (care ->> 'cooldown')::integer + f.grace_seconds)
    )
    FROM frequency_records f
    CROSS JOIN messaged_phones p
    WHERE p.phone = number
$$;
