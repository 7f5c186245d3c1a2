-- What limits leave. A row for each lane of `lanes` that has any: how many of the messages that it wants it may claim, and
-- where that is none, in how many seconds it may. Lanes that share a limit draw lots: those that come first get what they
-- want, and all together no more than it has. A row for each campaign on these lanes that has any: how many places it
-- has, all lanes together; `cut_quotas` deals them out.
--
-- Locks the limits of these lanes and campaigns, and those of what is returning, in the order of their ids: nobody waits
-- in a circle. What is read of them is as of after that, since the function is volatile: no claim is missed that was
-- waited for, and no limit that a campaign was given meanwhile, whatever the caller's snapshot knows. A campaign of which
-- a limit is full gets nothing, so the others of its limits are not locked for it.
CREATE FUNCTION open_places(
    lanes integer[], wants integer[], returning_lanes integer[], returning_campaigns bigint[]
) RETURNS TABLE (lane_id integer, campaign_id bigint, places integer, wait double precision)
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    open_ones bigint[];
    full_ones bigint[];
BEGIN
    IF EXISTS (SELECT FROM public.campaign_limits) THEN
        SELECT
            array_agg(c.campaign_id) FILTER (WHERE NOT c.is_full),
            array_agg(c.campaign_id) FILTER (WHERE c.is_full)
        INTO open_ones, full_ones
        FROM (
            SELECT of_campaign.campaign_id, bool_or(l.free_at > now()) AS is_full
            FROM public.campaign_limits of_campaign
            JOIN public.limits l ON l.id = of_campaign.limit_id
            WHERE of_campaign.campaign_id IN (
                SELECT cl.campaign_id FROM public.campaign_lanes cl WHERE cl.lane_id = ANY (lanes) AND cl.open
            )
            GROUP BY of_campaign.campaign_id
        ) c;
    END IF;
    PERFORM FROM (
        SELECT ll.limit_id FROM public.lane_limits ll WHERE ll.lane_id = ANY (lanes || returning_lanes)
        UNION
        SELECT of_campaign.limit_id FROM public.campaign_limits of_campaign
        WHERE of_campaign.campaign_id = ANY (open_ones || returning_campaigns)
        ORDER BY limit_id
    ) each_limit
    CROSS JOIN LATERAL (SELECT FROM public.limits l WHERE l.id = each_limit.limit_id FOR NO KEY UPDATE) locked;
    IF FOUND THEN
        RETURN QUERY
            SELECT
                share.lane_id,
                NULL::bigint,
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
    END IF;
    IF open_ones IS NOT NULL THEN
        RETURN QUERY
            SELECT
                NULL::integer,
                of_campaign.campaign_id,
                greatest(0, min(l.most - public.places_taken(l, now()))),
                NULL::double precision
            FROM public.campaign_limits of_campaign
            JOIN public.limits l ON l.id = of_campaign.limit_id
            WHERE of_campaign.campaign_id = ANY (open_ones)
            GROUP BY of_campaign.campaign_id;
    END IF;
    IF full_ones IS NOT NULL THEN
        RETURN QUERY SELECT NULL::integer, each_one, 0, NULL::double precision FROM unnest(full_ones) each_one;
    END IF;
END
$$;
