-- Counts what has been claimed through lanes in the limits that hold for them, and gives back the places of messages that go
-- back to pending, by the lanes and moments of their claims. The limits are locked (`open_places`). Volatile, as that is
-- and for the same reason: a limit that came while the caller waited for the lane counts what it takes, too.
CREATE FUNCTION take_places(
    lanes integer[], claimed integer[], returning_lanes integer[], returned timestamptz[]
) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    UPDATE public.limits l
    SET (counts, newest, free_at) = (
        SELECT a.counts, a.newest, a.free_at FROM public.limit_after(l, place.claimed, place.returned, now()) a
    )
    FROM (
        SELECT ll.limit_id, sum(each_lane.n)::int AS claimed, array_remove(array_agg(each_lane.moment), NULL) AS returned
        FROM (
            SELECT c.lane_id, c.n, NULL::timestamptz AS moment
            FROM unnest(take_places.lanes, take_places.claimed) c (lane_id, n)
            WHERE c.n > 0 -- whoever is skipped takes no place
            UNION ALL
            SELECT r.lane_id, 0, r.moment FROM unnest(returning_lanes, take_places.returned) r (lane_id, moment)
        ) each_lane
        JOIN public.lane_limits ll USING (lane_id)
        GROUP BY ll.limit_id
    ) place
    WHERE l.id = place.limit_id;
END
$$;
