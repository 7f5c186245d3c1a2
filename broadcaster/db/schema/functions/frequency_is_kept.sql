-- Whether it is known whom anything was sent to in the latest `seconds`; null: nobody asks for any.
CREATE FUNCTION frequency_is_kept(seconds integer) RETURNS boolean LANGUAGE sql STABLE
RETURN seconds IS NULL OR EXISTS (
    SELECT FROM frequency_records f
    WHERE f.span_seconds >= seconds AND f.since <= now() - make_interval(secs => seconds + f.grace_seconds)
);
