-- What is somebody's number in a text, however it is written: decimal digits of any script, and up to four characters
-- between two of them that are no letters, such as blanks, dashes, slashes, or ones that nobody sees. Both functions
-- go by it: what the one finds, the other takes out.
DO $do$
DECLARE
    zeros CONSTANT integer[] := '{
        48,1632,1776,1984,2406,2534,2662,2790,2918,3046,3174,3302,3430,3558,3664,3792,3872,4160,4240,6112,6160,6470,6608,
        6784,6800,6992,7088,7232,7248,42528,43216,43264,43472,43504,43600,44016,65296,66720,68912,68928,69734,69872,69942,
        70096,70384,70736,70864,71248,71360,71376,71386,71472,71904,72016,72688,72784,73040,73120,73184,73552,90416,92768,
        92864,93008,93552,118000,120782,120792,120802,120812,120822,123200,123632,124144,124401,125264,130032
    }'; -- of each script (Unicode: Nd); the other nine follow it
    digits text;
    one_digit text;
    between CONSTANT text := '[^[:alnum:]]';
BEGIN
    SELECT string_agg(chr(zero + n), '' ORDER BY place, n) INTO digits
    FROM unnest(zeros) WITH ORDINALITY AS each (zero, place), generate_series(0, 9) n;
    SELECT '[' || string_agg(chr(zero) || '-' || chr(zero + 9), '') || ']' INTO one_digit FROM unnest(zeros) zero;

    EXECUTE format(
        $ddl$
        CREATE FUNCTION plain_digits(value text) RETURNS text LANGUAGE sql IMMUTABLE
        RETURN CASE
            WHEN octet_length(value) = length(value) THEN value
            ELSE translate(value, %L, repeat('0123456789', %s))
        END
        $ddl$,
        digits, cardinality(zeros)
    );
    EXECUTE format(
        $ddl$
        CREATE FUNCTION without_numbers(value text) RETURNS text LANGUAGE sql IMMUTABLE
        RETURN regexp_replace(value, %L, '…', 'g')
        $ddl$,
        format('[+(]*%1$s(?:%2$s{0,4}%1$s){6,}', one_digit, between)
    );
    EXECUTE format(
        $ddl$
        CREATE FUNCTION mentions(value text, number text) RETURNS boolean LANGUAGE sql IMMUTABLE
        RETURN position(right(number, 8) IN regexp_replace(plain_digits(value), %L, '\1', 'g')) > 0
        $ddl$,
        format('([0-9])%s{1,4}(?=[0-9])', between)
    );
END
$do$;

COMMENT ON FUNCTION plain_digits(text) IS 'The text with the digits of all scripts as ASCII.';
COMMENT ON FUNCTION without_numbers(text) IS 'The text with an … for whatever may be a number: seven digits or more.';
COMMENT ON FUNCTION mentions(text, text) IS
    'Whether the text speaks of the number (E.164 digits): national numbers have its last eight digits.';
