-- A member's variable as a text, which conditions compare without case. The planner inlines it.
CREATE FUNCTION member_text(variables jsonb, variable text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT coalesce(lower(trimmed(variables ->> variable)), '')
$$;
