-- A member's variable as a text, as conditions compare it. The planner inlines it.
CREATE FUNCTION member_text(variables jsonb, variable text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT coalesce(folded_value(variables ->> variable), '')
$$;
