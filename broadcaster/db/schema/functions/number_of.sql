-- The number that a text is, with a comma or a point before its decimals; null: it is none so. domain/written_numbers.py
-- reads the same.
CREATE FUNCTION number_of(written text, decimal_comma boolean) RETURNS numeric LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN length(written) > 100 THEN NULL
        WHEN decimal_comma AND written ~ (
            '^[+-]?(?:[0-9]+|[1-9][0-9]{0,2}(?:[.][0-9]{3})+|[1-9][0-9]{0,2}(?:[ ''' || E'\u2019\u00a0\u202f'
            || '][0-9]{3})+)(?:,[0-9]+)?$'
        )
            THEN replace(translate(written, E'. ''\u2019\u00a0\u202f', ''), ',', '.')::numeric
        WHEN NOT decimal_comma AND written ~ (
            '^[+-]?(?:[0-9]+|[1-9][0-9]{0,2}(?:,[0-9]{2,3})*,[0-9]{3}|[1-9][0-9]{0,2}(?:[ ''' || E'\u2019\u00a0\u202f'
            || '][0-9]{3})+)(?:[.][0-9]+)?$'
        )
            THEN translate(written, E', ''\u2019\u00a0\u202f', '')::numeric
    END
$$;
