-- The limits that hold for a lane, for people and programs: how many places of each are taken, and when the next is free
-- where none is.
CREATE FUNCTION limits_in_use(lane integer) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT coalesce(jsonb_agg(jsonb_build_object(
        'name', l.name,
        'most', l.most,
        'span_seconds', l.span_seconds,
        'taken', places_taken(l, now()),
        'ramp', l.ramp,
        'step', l.step,
        'free_at', CASE WHEN places_taken(l, now()) >= l.most THEN next_place_at(l) END
    ) ORDER BY l.name NULLS FIRST, l.span_seconds, l.id), '[]')
    FROM lane_limits ll
    JOIN limits l ON l.id = ll.limit_id
    WHERE ll.lane_id = lane
$$;
