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
        SELECT of_whom.limit_id, sum(each_one.n)::int AS claimed, array_remove(array_agg(each_one.moment), NULL) AS returned
        FROM (
            SELECT c.lane_id, NULL::bigint AS campaign_id, c.n, NULL::timestamptz AS moment
            FROM unnest(take_places.lanes, take_places.claimed) c (lane_id, n)
            WHERE c.n > 0 -- whoever is skipped takes no place
            UNION ALL
            SELECT NULL, c.campaign_id, 1, NULL FROM unnest(take_places.campaigns) c (campaign_id)
            UNION ALL
            SELECT r.lane_id, r.campaign_id, 0, r.moment
            FROM unnest(returning_lanes, returning_campaigns, take_places.returned) r (lane_id, campaign_id, moment)
        ) each_one
        CROSS JOIN LATERAL (
            SELECT ll.limit_id FROM public.lane_limits ll WHERE ll.lane_id = each_one.lane_id
            UNION ALL
            SELECT cl.limit_id FROM public.campaign_limits cl WHERE cl.campaign_id = each_one.campaign_id
        ) of_whom
        GROUP BY of_whom.limit_id
    ) place
    WHERE l.id = place.limit_id;
END
$$;
