-- Whether what was written for a phone has the number in it: all that is no digit is left out.
CREATE FUNCTION spells(written text, number text) RETURNS boolean LANGUAGE sql IMMUTABLE
RETURN position(right(number, 8) IN regexp_replace(plain_digits(written), '[^0-9]', '', 'g')) > 0;
