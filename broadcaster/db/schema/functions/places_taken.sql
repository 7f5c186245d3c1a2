-- How many places of a limit are taken at a moment. A bucket counts wholly until its last moment is out of the span, and so is
-- the moment at which the gateway may have accepted its last message at the latest (domain/span_limits.py). Where the
-- clock was put back, the newest bucket counts as the present one; another transaction may be one bucket further.
CREATE FUNCTION places_taken(l limits, at timestamptz) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    present CONSTANT bigint := floor(extract(epoch FROM at) / l.bucket_seconds);
    oldest CONSTANT bigint := floor((extract(epoch FROM at) - l.span_seconds - l.grace_seconds) / l.bucket_seconds);
    newest CONSTANT bigint := CASE WHEN l.newest > present + 1 THEN present ELSE l.newest END;
BEGIN
    RETURN coalesce(
        (SELECT sum(n) FROM unnest(l.counts[1:greatest(0, newest - oldest + 1)::integer]) AS n), 0
    );
END
$$;
