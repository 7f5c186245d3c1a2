-- Messages that come where no counter is would be counted nowhere.
CREATE FUNCTION refuse_uncounted(changes message_change[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    uncounted record;
BEGIN
    SELECT c.campaign_id, c.lane_id INTO uncounted
    FROM unnest(changes) c
    WHERE NOT EXISTS (SELECT FROM campaign_lanes cl WHERE cl.campaign_id = c.campaign_id AND cl.lane_id = c.lane_id)
    GROUP BY c.campaign_id, c.lane_id
    HAVING sum(c.delta) > 0
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING
            ERRCODE = 'foreign_key_violation',
            MESSAGE = 'campaign ' || uncounted.campaign_id || ' does not go over lane ' || uncounted.lane_id
                || ': there is no row of campaign_lanes that would count its messages';
    END IF;
END
$$;
