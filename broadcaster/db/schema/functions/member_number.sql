-- A member's variable as a number; null: it is none. What can be read in two ways has a comma or a point before its
-- decimals, as the column has elsewhere. The planner inlines it, and the usual forms are read without a call. A pattern
-- with {1,100} in it costs twice as much as one with a look at the length.
CREATE FUNCTION member_number(variables jsonb, variable text, decimal_comma boolean) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN trimmed(variables ->> variable) ~ '^[+-]?[0-9]+(?:[.][0-9][0-9]?)?$'
            AND length(trimmed(variables ->> variable)) <= 100
            THEN trimmed(variables ->> variable)::numeric
        WHEN variables ->> variable ~ '[0-9]' OR octet_length(variables ->> variable) <> length(variables ->> variable)
            THEN coalesce(
                number_of(plain_value(variables ->> variable), decimal_comma),
                number_of(plain_value(variables ->> variable), NOT decimal_comma)
            )
    END
$$;
