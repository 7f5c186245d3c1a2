-- The messages that are being sent through a lane. Whoever has locked the lane sees those of every claim there was, also
-- of one that was committed after the statement began: each call has a snapshot of its own.
CREATE FUNCTION sending_through(lane integer) RETURNS TABLE (segment bigint, campaign_id bigint, seq integer)
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    RETURN QUERY
        SELECT m.segment, m.campaign_id, m.seq FROM public.messages m
        WHERE m.lane_id = lane AND m.state = 'sending';
END
$$;
