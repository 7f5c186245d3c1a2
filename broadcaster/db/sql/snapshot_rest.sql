CREATE /* snapshot_rest */
-- The recipients of a campaign in its order. `left_out` is why somebody is not of its rest; null: this one has not got it,
-- neither from this campaign nor from the first one or its other rests, which are all locked. A person is a phone and an
-- ordinal: of a family that shares a phone everybody is looked at alone. Of a campaign over an audience, whoever is a member
-- no more is left out, and the others have the values that they have there now (`is_changed`: these are others).
TEMPORARY TABLE recipient_snapshot ON COMMIT DROP AS
WITH each AS MATERIALIZED (
    SELECT id, segment, state, audience_id, variables FROM campaigns WHERE id = %(first)s OR rest_of = %(first)s
), elsewhere AS (
    SELECT m.phone, m.ordinal, min(left_out_of_rest(m.state, m.reason, each.state, m.phone)) AS left_out
    FROM each
    JOIN messages m ON m.segment = each.segment AND m.campaign_id = each.id
    WHERE each.id <> %(campaign_id)s AND m.phone IS NOT NULL
        AND left_out_of_rest(m.state, m.reason, each.state, m.phone) IS NOT NULL
    GROUP BY m.phone, m.ordinal
), recipients AS (
    SELECT
        m.seq,
        m.phone,
        m.ordinal,
        m.variables AS old_variables,
        m.variables || coalesce(
            (
                SELECT jsonb_object_agg(now.key, now.value)
                FROM jsonb_each(member.variables) AS now
                WHERE m.variables ? now.key AND NOT coalesce(each.variables, '{}') ? now.key
            ),
            '{}'
        ) AS variables,
        CASE
            WHEN m.phone IS NULL THEN 'forgotten'
            ELSE coalesce(
                left_out_of_rest(m.state, m.reason, each.state, m.phone),
                elsewhere.left_out,
                CASE WHEN each.audience_id IS NOT NULL AND member.phone IS NULL THEN 'left' END
            )
        END AS left_out
    FROM each
    JOIN messages m ON m.segment = each.segment AND m.campaign_id = each.id
    LEFT JOIN elsewhere ON elsewhere.phone = m.phone AND elsewhere.ordinal = m.ordinal
    LEFT JOIN audience_members member ON member.audience_id = each.audience_id AND member.phone = m.phone
    WHERE each.id = %(campaign_id)s
)
SELECT
    row_number() OVER (ORDER BY left_out IS NOT NULL, seq) AS seq,
    phone,
    ordinal,
    CASE
        WHEN %(adds_phone)s THEN jsonb_build_object('phone', phone) || coalesce(variables, '{}')
        ELSE variables
    END AS variables,
    left_out,
    NULL::text AS fault,
    NULL::integer AS home_lane_id,
    variables IS DISTINCT FROM old_variables AS is_changed
FROM recipients
