-- The reason under which failure_counts has a message that was not sent.
CREATE FUNCTION counted_reason(campaign bigint, lane integer, of_state message_state, written text) RETURNS text
LANGUAGE sql STABLE
RETURN coalesce(
    (
        SELECT f.reason
        FROM failure_counts f
        WHERE f.campaign_id = campaign AND f.lane_id = lane AND f.state = of_state AND f.reason = failure_reason(written)
    ),
    '(other reasons)'
);
