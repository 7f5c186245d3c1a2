-- The text with the digits of all scripts as ASCII, character by character.
CREATE FUNCTION plain_digits(value text) RETURNS text LANGUAGE sql IMMUTABLE
RETURN CASE
    WHEN octet_length(value) = length(value) THEN value
    ELSE translate(value, decimal_digits(), repeat('0123456789', length(decimal_digits()) / 10))
END;
