-- What the limits of lanes leave them: for each lane of `lanes` that has any, how many of the messages that it wants it
-- may claim, and where that is none, in how many seconds it may. Lanes that share a limit draw lots: those that come
-- first get what they want, and all together no more than it has.
--
-- Locks the limits of these lanes, and of `returning_lanes`, in the order of their ids: nobody waits in a circle. What
-- is read of them is as of after that, since the function is volatile: no claim is missed that was waited for.
CREATE FUNCTION open_places(lanes integer[], wants integer[], returning_lanes integer[])
RETURNS TABLE (lane_id integer, places integer, wait double precision)
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM FROM (
        SELECT DISTINCT ll.limit_id FROM public.lane_limits ll
        WHERE ll.lane_id = ANY (lanes || returning_lanes) ORDER BY ll.limit_id
    ) each_limit
    CROSS JOIN LATERAL (SELECT FROM public.limits l WHERE l.id = each_limit.limit_id FOR NO KEY UPDATE) locked;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    RETURN QUERY
        SELECT
            share.lane_id,
            greatest(0, min(least(share.most, share.free - coalesce(share.before, 0))))::integer,
            coalesce(greatest(0, max(extract(epoch FROM share.free_at - now())) FILTER (WHERE share.free <= 0)), 0)
                ::double precision
        FROM (
            SELECT
                asked.*,
                sum(asked.most) OVER (
                    PARTITION BY asked.limit_id ORDER BY asked.lot ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
                ) AS before
            FROM (
                SELECT
                    f.*,
                    random() AS lot,
                    -- Where another of its limits is full, a lane takes nothing of those that it shares.
                    greatest(0, least(f.want, min(f.free) OVER (PARTITION BY f.lane_id))) AS most
                FROM (
                    SELECT
                        ll.lane_id,
                        l.id AS limit_id,
                        wants[array_position(lanes, ll.lane_id)] AS want,
                        l.most - public.places_taken(l, now()) AS free,
                        l.free_at
                    FROM public.lane_limits ll
                    JOIN public.limits l ON l.id = ll.limit_id
                    WHERE ll.lane_id = ANY (lanes)
                ) f
            ) asked
        ) share
        GROUP BY share.lane_id;
END
$$;
