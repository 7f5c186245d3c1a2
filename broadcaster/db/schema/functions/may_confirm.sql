-- Whether a message may leave that confirms an opt-out, though its person has opted out (invariant I10): the opt-out is
-- that of this number, began by a reply, and holds; and nothing stops the person that did not begin by one, such as a
-- command. What the claim and the watch over what waits ask of such a message, instead of what they ask of any other.
CREATE FUNCTION may_confirm(opt_out bigint, number text, lane integer) RETURNS boolean LANGUAGE sql STABLE
RETURN
    EXISTS (
        SELECT
        FROM opt_outs o
        WHERE o.id = opt_out AND o.ended_at IS NULL AND o.way = 'reply' AND number = ANY (o.forms)
    )
    AND NOT EXISTS (
        SELECT
        FROM opted_out g
        JOIN opt_outs o ON o.id = g.opt_out_id
        WHERE g.phone = number AND g.lane_id IN (0, lane) AND o.way <> 'reply'
    );
