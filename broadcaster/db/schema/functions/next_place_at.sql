-- When a limit has a place again, as of the latest claim: when the oldest of what counts has gone, or when its ramp climbs,
-- whichever comes first. The same as domain/planned_limits.py.
CREATE FUNCTION next_place_at(l limits) RETURNS timestamptz LANGUAGE sql STABLE AS $$
    SELECT CASE
        WHEN l.step < cardinality(l.ramp)
            THEN least(l.free_at, greatest(now(), l.step_since + make_interval(secs => l.span_seconds)))
        ELSE l.free_at
    END
$$;
