-- The text with an … for whatever may be somebody's number: seven digits or more of any script, and up to four characters
-- between two of them that are no letters, such as blanks, dashes, slashes, or ones that nobody sees. `mentions` goes by
-- the same: what the one finds, the other takes out.
CREATE FUNCTION without_numbers(value text) RETURNS text LANGUAGE sql IMMUTABLE
RETURN regexp_replace(plain_digits(value), '[+(]*[0-9](?:[^[:alnum:]]{0,4}[0-9]){6,}', '…', 'g');
