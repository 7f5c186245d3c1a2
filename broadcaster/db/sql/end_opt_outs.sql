UPDATE /* end_opt_outs */ opt_outs o
-- Ends the opt-outs of a number, under each of its forms, and keeps their rows. Of `ways` (null: any) and of one lane
-- (null: any). One that is committed meanwhile goes on: whoever stops last is heard. So does one that the person wrote
-- after what ends it, or in the same second (%(said_at)s; null: whenever it was): inboxes are read one after the other.
SET
    ended_at = now(),
    ended_way = %(way)s,
    ended_operator = nullif(left(current_setting('broadcaster.operator', true), 200), ''),
    ended_command = nullif(left(current_setting('broadcaster.command', true), 200), ''),
    ended_words = %(words)s,
    ended_inbound_id = %(inbound_id)s
WHERE o.id = ANY (ARRAY(
        SELECT opt_out_id
        FROM opted_out
        WHERE phone = %(phone)s
            AND (%(lane_id)s::integer IS NULL OR lane_id = %(lane_id)s::integer)
    ))
    AND o.ended_at IS NULL
    AND (
        %(said_at)s::timestamptz IS NULL
        OR %(said_at)s::timestamptz > coalesce(
            (SELECT max(i.said_at) FROM inbound_messages i WHERE i.phone = ANY (o.forms) AND i.meaning = 'stop'),
            o.stopped_at
        )
    )
    AND (%(ways)s::opt_out_way[] IS NULL OR o.way = ANY (%(ways)s::opt_out_way[]))
RETURNING o.lane_id
