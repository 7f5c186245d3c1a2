-- Of the messages that campaigns are dealt, quota by quota, how many their limits have places for: those that come first
-- get what they were dealt, and all together no more than each limit has. The limits are locked (`open_places`);
-- volatile, as that is and for the same reason.
CREATE FUNCTION cut_quotas(campaigns bigint[], quotas integer[]) RETURNS integer[] LANGUAGE plpgsql VOLATILE STRICT AS $$
BEGIN
    RETURN (
        SELECT array_agg(least(cut.quota, CASE WHEN cut.places < 0 THEN 0 ELSE cut.places END) ORDER BY cut.place)
        FROM (
            SELECT each_limit.place, each_limit.quota, min(each_limit.places)::integer AS places
            FROM (
                SELECT
                    dealt.place,
                    dealt.quota,
                    l.most - public.places_taken(l, now()) - coalesce(
                        sum(dealt.quota) OVER (
                            PARTITION BY l.id ORDER BY dealt.place ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
                        ),
                        0
                    ) AS places
                FROM unnest(campaigns, quotas) WITH ORDINALITY AS dealt (campaign_id, quota, place)
                LEFT JOIN public.campaign_limits of_campaign ON of_campaign.campaign_id = dealt.campaign_id
                LEFT JOIN public.limits l ON l.id = of_campaign.limit_id
            ) each_limit
            GROUP BY each_limit.place, each_limit.quota
        ) cut
    );
END
$$;
