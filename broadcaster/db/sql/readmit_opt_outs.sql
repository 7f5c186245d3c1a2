WITH /* readmit_opt_outs */
-- Who opted out before her number was forgotten is opted out when it is taken in again: the row of then ends, and one
-- that has the number goes on.
ended AS (
    UPDATE opt_outs
    SET
        ended_at = now(),
        ended_way = 'readmission',
        ended_operator = nullif(left(current_setting('broadcaster.operator', true), 200), ''),
        ended_command = nullif(left(current_setting('broadcaster.command', true), 200), '')
    WHERE digest = %(digest)s AND ended_at IS NULL
    RETURNING lane_id, way, stopped_at
), confirmed AS ( -- who has had a confirmation gets no other one
    INSERT INTO confirmed_opt_outs (lane_id, phone, opt_out_id)
    SELECT DISTINCT ON (lane_id, form) lane_id, form, opt_out_id
    FROM confirmed_opt_outs
    CROSS JOIN unnest(%(forms)s::text[]) form
    WHERE digest = %(digest)s
    ORDER BY lane_id, form
    ON CONFLICT (phone, lane_id) WHERE phone IS NOT NULL DO NOTHING
)
INSERT INTO opt_outs (phone, forms, lane_id, way, words)
SELECT
    %(phone)s, %(forms)s::text[], lane_id, way,
    'since ' || to_char(min(stopped_at) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI') || ' UTC, before it was forgotten'
FROM ended
GROUP BY lane_id, way
ON CONFLICT (phone, lane_id, way) WHERE ended_at IS NULL AND phone IS NOT NULL DO NOTHING
