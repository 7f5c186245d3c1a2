-- Whether the text speaks of the number (E.164 digits), as `without_numbers` reads numbers: national ones have its last
-- eight digits. Of a count with its share only the count is read, which may be the end of a number.
CREATE FUNCTION mentions(value text, number text) RETURNS boolean LANGUAGE sql IMMUTABLE
RETURN position(
    right(number, 8)
    IN regexp_replace(
        regexp_replace(
            plain_digits(value),
            '([0-9]{1,3}(?:,[0-9]{3})*) of [0-9]{1,3}(?:,[0-9]{3})* \([0-9.]{1,9}%\)', '\1 of all', 'g'
        ),
        '([0-9])(?:[^[:alnum:]]{1,8}|[[:alpha:]])(?=[0-9])', '\1', 'g'
    )
) > 0;
