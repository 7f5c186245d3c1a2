-- From when on a lane may send, as far as is known: now, unless it waits for its hours, for a place of a limit, or for the end
-- of a rest. What its usual pace makes it wait does not count. Where its hours never open, that is ten years from now.
CREATE FUNCTION may_send_from(lane integer) RETURNS timestamptz LANGUAGE sql STABLE AS $$
    SELECT least(now() + interval '10 years', greatest(
        now(),
        l.not_before,
        l.clock - make_interval(
            secs => 1 + i.tolerance_seconds
                + greatest(i.interval_seconds, (i.gaps #>> '{gap,most}')::double precision)
        ),
        (
            SELECT o.opens_at
            FROM openings o
            WHERE o.hours_id = i.hours_id AND o.recipient_group = 0 AND o.closes_at > now()
        ),
        (
            SELECT max(next_place_at(f)) FROM lane_limits ll JOIN limits f ON f.id = ll.limit_id WHERE ll.lane_id = l.id
        )
    ))
    FROM lanes l
    JOIN instances i ON i.id = l.id
    WHERE l.id = lane
$$;
