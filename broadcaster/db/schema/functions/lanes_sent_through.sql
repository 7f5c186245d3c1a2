-- The lanes that campaigns were sent through which run, pause, or ended at most so long ago; a lane for each of them.
CREATE FUNCTION lanes_sent_through(lately interval) RETURNS TABLE (lane_id integer, started_at timestamptz)
LANGUAGE sql STABLE AS $$
    SELECT cl.lane_id, c.started_at
    FROM public.campaigns c
    JOIN public.campaign_lanes cl ON cl.campaign_id = c.id AND cl.sent > 0
    WHERE c.state IN ('running', 'paused') OR c.finished_at > now() - lately
$$;
