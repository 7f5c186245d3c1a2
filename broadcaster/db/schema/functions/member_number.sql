-- A member's variable as a number; null: it is none. The planner inlines it. A pattern with {1,100} in it costs twice as
-- much as one with a look at the length.
CREATE FUNCTION member_number(variables jsonb, variable text) RETURNS numeric LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN trimmed(variables ->> variable) ~ '^[+-]?[0-9]+(?:[.][0-9]+)?$'
            AND length(trimmed(variables ->> variable)) <= 100
            THEN trimmed(variables ->> variable)::numeric
    END
$$;
