-- A plain value without case, by which texts are compared. The planner inlines it. domain/plain_values.py makes the same.
CREATE FUNCTION folded_value(value text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN value !~ '  |[^ -~]' THEN lower(btrim(value, ' '))
        ELSE translate(replace(lower(plain_value(value)), 'ß', 'ss'), 'ς', 'σ')
    END
$$;
