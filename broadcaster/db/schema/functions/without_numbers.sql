-- The text with an … for whatever may be somebody's number: seven digits or more of any script, and between two of them
-- up to eight characters that are no letters, such as blanks, dashes, slashes, or ones that nobody sees, or else a single
-- letter. One that stands in brackets goes with both of them. A count with its share, such as `8 of 1,399 (0.5718%)`, is nobody's: it is put back. `mentions` goes by the same:
-- what the one finds, the other takes out. domain/masking.py has it in Python.
CREATE FUNCTION without_numbers(value text) RETURNS text LANGUAGE sql IMMUTABLE
RETURN regexp_replace(
    regexp_replace(
        plain_digits(value),
        '([0-9]{1,3}(?:,[0-9]{3})* of [0-9]{1,3}(?:,[0-9]{3})* \([0-9.]{1,9}%\))'
        '|\([+(]*[0-9](?:(?:[^[:alnum:]]{0,8}|[[:alpha:]])[0-9]){6,}\)'
        '|[+(]*[0-9](?:(?:[^[:alnum:]]{0,8}|[[:alpha:]])[0-9]){6,}',
        '\1…', 'g'
    ),
    '([0-9]{1,3}(?:,[0-9]{3})* of [0-9]{1,3}(?:,[0-9]{3})* \([0-9.]{1,9}%\))…', '\1', 'g'
);
