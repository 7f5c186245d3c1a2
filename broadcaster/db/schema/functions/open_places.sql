-- What limits leave. A row for each lane of `lanes` that has any: how many of the messages that it wants it may claim, and
-- where that is none, in how many seconds it may. Lanes that share a limit draw lots: those that come first get what they
-- want, and all together no more than it has. A row for each campaign on these lanes that has any: how many places it
-- has, all lanes together; `cut_quotas` deals them out.
--
-- Locks the limits of these lanes and campaigns, and those of what is returning, in the order of their ids: nobody waits
-- in a circle. Each is read as it is once it is locked. Which of them hold is read as of when the caller has the lanes,
-- since the function is volatile: whoever gives a lane or a campaign a limit locks the lanes, too, so nobody does until
-- the caller commits. A campaign of which a limit is full gets nothing, so the others of its limits are not locked for
-- it.
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
    ELSIF NOT EXISTS (SELECT FROM public.lane_limits ll WHERE ll.lane_id = ANY (lanes || returning_lanes)) THEN
        RETURN;
    END IF;
    RETURN QUERY
        WITH of_whom AS MATERIALIZED (
            SELECT each_limit.lane_id, each_limit.campaign_id, l.*
            FROM (
                SELECT ll.limit_id, ll.lane_id, NULL::bigint AS campaign_id
                FROM public.lane_limits ll
                WHERE ll.lane_id = ANY (lanes || returning_lanes)
                UNION ALL
                SELECT of_campaign.limit_id, NULL, of_campaign.campaign_id
                FROM public.campaign_limits of_campaign
                WHERE of_campaign.campaign_id = ANY (open_ones || returning_campaigns)
                ORDER BY limit_id
            ) each_limit
            CROSS JOIN LATERAL (
                SELECT held.id, held.most, public.places_taken(held, now()) AS taken, held.free_at
                FROM public.limits held
                WHERE held.id = each_limit.limit_id
                FOR NO KEY UPDATE
            ) l
        )
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
                    PARTITION BY asked.id ORDER BY asked.lot ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
                ) AS before
            FROM (
                SELECT
                    f.*,
                    random() AS lot,
                    -- Where another of its limits is full, a lane takes nothing of those that it shares.
                    greatest(0, least(f.want, min(f.free) OVER (PARTITION BY f.lane_id))) AS most
                FROM (
                    SELECT l.lane_id, l.id, l.free_at, l.most - l.taken AS free, wants[array_position(lanes, l.lane_id)] AS want
                    FROM of_whom l
                    WHERE l.lane_id = ANY (lanes)
                ) f
            ) asked
        ) share
        GROUP BY share.lane_id
        UNION ALL
        SELECT NULL, l.campaign_id, greatest(0, min(l.most - l.taken)), NULL
        FROM of_whom l
        WHERE l.campaign_id = ANY (open_ones)
        GROUP BY l.campaign_id
        UNION ALL
        SELECT NULL, each_one, 0, NULL FROM unnest(full_ones) each_one;
END
$$;
