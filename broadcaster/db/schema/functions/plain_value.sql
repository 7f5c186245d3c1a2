-- What a value is compared and read by, in whatever Unicode form it was typed: NFKC, without marks that cannot be seen,
-- with single spaces and none outside. Most values are printable ASCII, and only trimmed. domain/plain_values.py makes the
-- same.
CREATE FUNCTION plain_value(value text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN value !~ '  |[^ -~]' THEN btrim(value, ' ')
        ELSE trimmed(regexp_replace(
            normalize(
                regexp_replace(
                    value,
                    E'[\u00AD\u0600-\u0605\u061C\u06DD\u070F\u180E\u200B-\u200F\u202A-\u202E\u2060-\u2064\u2066-\u206F\uFEFF'
                        '\uFFF9-\uFFFB]',
                    '', 'g'
                ),
                NFKC
            ),
            E'[\t\n\u000B\f\r\u001C-\u001F \u0085\u00A0\u1680\u2000-\u200A\u2028\u2029\u202F\u205F\u3000]+', ' ', 'g'
        ))
    END
$$;
