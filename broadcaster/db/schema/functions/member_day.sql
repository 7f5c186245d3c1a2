-- The day that a member's variable is, as `day_of` says; null: it is none. The planner inlines it, and
-- the usual forms are read without a call.
CREATE FUNCTION member_day(variables jsonb, variable text, day_first boolean) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN variables ->> variable
            ~ '^[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])(?:[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2})?)?$'
            THEN replace(left(variables ->> variable, 10), '-', '')::integer
        WHEN day_first AND variables ->> variable
            ~ '^(?:0[1-9]|[12][0-9]|3[01])[-/.](?:0[1-9]|1[0-2])[-/.][0-9]{4}(?:[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2})?)?$'
            THEN (
                substr(variables ->> variable, 7, 4) || substr(variables ->> variable, 4, 2) || left(variables ->> variable, 2)
            )::integer
        ELSE day_of(plain_value(variables ->> variable), day_first)
    END
$$;
