-- Counts what has been claimed through lanes, and of campaigns, one for each message, in the limits that hold for them; and
-- gives back the places of messages that go back to pending, by the lanes, campaigns and moments of their claims. The
-- limits are locked (`open_places`). Volatile, as that is and for the same reason: a limit that came while the caller
-- waited for the lane counts what it takes, too.
CREATE FUNCTION take_places(
    lanes integer[],
    claimed integer[],
    campaigns bigint[],
    returning_lanes integer[],
    returning_campaigns bigint[],
    returned timestamptz[]
) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    UPDATE public.limits l
    SET (counts, newest, free_at) = (
        SELECT a.counts, a.newest, a.free_at FROM public.limit_after(l, place.claimed, place.returned, now()) a
    )
    FROM (
        SELECT each_one.limit_id, sum(each_one.n)::int AS claimed, array_remove(array_agg(each_one.moment), NULL) AS returned
        FROM (
            SELECT ll.limit_id, c.n, NULL::timestamptz AS moment
            FROM unnest(take_places.lanes, take_places.claimed) c (lane_id, n)
            JOIN public.lane_limits ll USING (lane_id)
            WHERE c.n > 0 -- whoever is skipped takes no place
            UNION ALL
            SELECT ll.limit_id, 0, r.moment
            FROM unnest(returning_lanes, take_places.returned) r (lane_id, moment)
            JOIN public.lane_limits ll USING (lane_id)
            UNION ALL
            SELECT cl.limit_id, 1, NULL
            FROM unnest(take_places.campaigns) c (campaign_id)
            JOIN public.campaign_limits cl USING (campaign_id)
            UNION ALL
            SELECT cl.limit_id, 0, r.moment
            FROM unnest(returning_campaigns, take_places.returned) r (campaign_id, moment)
            JOIN public.campaign_limits cl USING (campaign_id)
        ) each_one
        GROUP BY each_one.limit_id
    ) place
    WHERE l.id = place.limit_id;
END
$$;
