WITH /* end_staged_opt_outs */
-- Ends the opt-outs of the staged numbers, under each of their forms, and keeps their rows. Of one lane (null: any). One
-- that is committed meanwhile goes on, as with end_opt_outs. In the order of their ids, so that two files with the same
-- numbers wait for each other and not in a circle.
held AS (
    SELECT o.id
    FROM opt_outs o
    WHERE o.id IN (
            SELECT h.opt_out_id
            FROM staged_opt_outs s
            JOIN opted_out h ON h.phone = s.phone
            WHERE %(lane_id)s::integer IS NULL OR h.lane_id = %(lane_id)s::integer
        )
        AND o.ended_at IS NULL
    ORDER BY o.id
    FOR UPDATE
),
ended AS (
    UPDATE opt_outs o
    SET
        ended_at = now(),
        ended_way = %(way)s,
        ended_operator = nullif(left(current_setting('broadcaster.operator', true), 200), ''),
        ended_command = nullif(left(current_setting('broadcaster.command', true), 200), ''),
        ended_words = %(words)s
    FROM held
    WHERE o.id = held.id AND o.ended_at IS NULL
    RETURNING o.forms
)
SELECT
    count(*) AS ended,
    (SELECT count(DISTINCT s.phone) FROM staged_opt_outs s JOIN (SELECT unnest(forms) AS form FROM ended) e ON e.form = s.phone)
        AS unblocked,
    (SELECT count(DISTINCT phone) FROM staged_opt_outs) AS numbers
FROM ended
