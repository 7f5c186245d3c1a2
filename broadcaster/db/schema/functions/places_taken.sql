-- How many places of a limit are taken at a moment. A bucket counts wholly until its last moment is out of the span, and so is
-- the moment at which the gateway may have accepted its last message at the latest (domain/span_limits.py). Where the
-- clock was put back, the newest bucket counts as the present one; another transaction may be one bucket further.
--
-- Postgres puts the query in place of the call; `stable` lets it, since nothing it asks depends on more than its arguments.
CREATE FUNCTION places_taken(l limits, at timestamptz) RETURNS integer LANGUAGE sql STABLE AS $$
    SELECT coalesce((
        SELECT sum(n)
        FROM unnest(l.counts[1:greatest(
            0,
            CASE
                WHEN l.newest > floor(extract(epoch FROM at) / l.bucket_seconds) + 1
                    THEN floor(extract(epoch FROM at) / l.bucket_seconds)
                ELSE l.newest
            END - floor((extract(epoch FROM at) - l.span_seconds - l.grace_seconds) / l.bucket_seconds) + 1
        )::integer]) AS n
    ), 0)::integer
$$;
