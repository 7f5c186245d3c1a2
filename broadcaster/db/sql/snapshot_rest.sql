CREATE /* snapshot_rest */
-- The recipients of a campaign in its order. `left_out` is why somebody is not of its rest; null: this one has not got it,
-- neither from this campaign nor from the first one or its other rests, which are all locked. A person is a phone and an
-- ordinal: of a family that shares a phone everybody is looked at alone.
TEMPORARY TABLE recipient_snapshot ON COMMIT DROP AS
WITH each AS MATERIALIZED (
    SELECT id, segment, state FROM campaigns WHERE id = %(first)s OR rest_of = %(first)s
), elsewhere AS (
    SELECT m.phone, m.ordinal, min(left_out_of_rest(m.state, m.reason, each.state)) AS left_out
    FROM each
    JOIN messages m ON m.segment = each.segment AND m.campaign_id = each.id
    WHERE each.id <> %(campaign_id)s AND m.phone IS NOT NULL
        AND left_out_of_rest(m.state, m.reason, each.state) IS NOT NULL
    GROUP BY m.phone, m.ordinal
), recipients AS (
    SELECT
        m.seq,
        m.phone,
        m.ordinal,
        CASE
            WHEN %(adds_phone)s THEN jsonb_build_object('phone', m.phone) || coalesce(m.variables, '{}')
            ELSE m.variables
        END AS variables,
        CASE
            WHEN m.phone IS NULL THEN 'forgotten'
            ELSE coalesce(left_out_of_rest(m.state, m.reason, each.state), elsewhere.left_out)
        END AS left_out
    FROM each
    JOIN messages m ON m.segment = each.segment AND m.campaign_id = each.id
    LEFT JOIN elsewhere ON elsewhere.phone = m.phone AND elsewhere.ordinal = m.ordinal
    WHERE each.id = %(campaign_id)s
)
SELECT
    row_number() OVER (ORDER BY left_out IS NOT NULL, seq) AS seq, phone, ordinal, variables, left_out, NULL::text AS fault
FROM recipients
