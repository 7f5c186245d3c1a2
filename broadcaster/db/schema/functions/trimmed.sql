-- The text without outer white space, by the same characters as str.strip().
CREATE FUNCTION trimmed(value text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT btrim(
        value,
        E' \t\n\u000B\f\r\u001C\u001D\u001E\u001F\u0085\u00A0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006'
            '\u2007\u2008\u2009\u200A\u2028\u2029\u202F\u205F\u3000'
    )
$$;
