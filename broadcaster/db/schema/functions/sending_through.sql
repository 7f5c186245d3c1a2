-- The messages that are being sent through a lane. A statement that has waited for the lane's lock sees other rows as
-- they were when it began. This function looks at the moment when it is called, since it is volatile. So a statement that
-- calls it with the lane locked misses no claim, not even one that was committed while it waited.
CREATE FUNCTION sending_through(lane integer) RETURNS TABLE (segment bigint, campaign_id bigint, seq integer)
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    RETURN QUERY
        SELECT m.segment, m.campaign_id, m.seq FROM public.messages m
        WHERE m.lane_id = lane AND m.state = 'sending';
END
$$;
