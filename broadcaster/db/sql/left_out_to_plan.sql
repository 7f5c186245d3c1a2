WITH /* left_out_to_plan */
-- How many messages of a campaign that has not started will be skipped, or wait for their people, of those that have not
-- opted out: by lane and group of recipients, by why, and by when they are free, in %(pieces)s pieces of as many messages.
-- Without that they are skipped.
-- Free is who is so when what is for them may leave first: %(opens_at)s for lanes and groups of recipients that have windows,
-- %(at)s, its start, for others.
-- All are looked at where %(looks)s; otherwise those who were messaged in the latest %(span)s seconds (null: none).
opens AS MATERIALIZED (
    SELECT * FROM unnest(%(open_lanes)s::integer[], %(open_groups)s::smallint[], %(opens_at)s::timestamptz[])
        AS way (lane_id, recipient_group, at)
), recent AS MATERIALIZED ( -- who may not get it at %(at)s, as hold_back decides in the claim
    SELECT p.phone, free.at, free.by_cooldown
    FROM messaged_lately(%(span)s, %(grace)s) p
    CROSS JOIN LATERAL (
        SELECT greatest(f.by_caps, f.by_cooldown) AS at, f.by_cooldown
        FROM free_again(
            p.moments, %(cap_most)s::integer[], %(cap_spans)s::integer[], %(cooldown)s::integer, %(grace)s
        ) f
    ) free
    WHERE %(span)s::integer IS NOT NULL AND free.at > %(at)s
), asked AS (
    SELECT m.phone, m.lane_id, m.recipient_group
    FROM messages m
    WHERE %(looks)s AND m.segment = %(segment)s AND m.campaign_id = %(campaign_id)s AND m.state = 'pending'
    UNION ALL
    SELECT m.phone, m.lane_id, m.recipient_group
    FROM recent
    JOIN messages m ON m.phone = recent.phone
    WHERE NOT %(looks)s AND m.segment = %(segment)s AND m.campaign_id = %(campaign_id)s AND m.state = 'pending'
), told AS (
    SELECT
        asked.lane_id,
        asked.recipient_group,
        CASE
            WHEN %(require_consent)s AND agreed.phone IS NULL THEN 'no_consent'
            WHEN silent.phone IS NOT NULL THEN 'unanswered'
            WHEN %(only_known)s AND known.phone IS NULL THEN 'not_known'
            WHEN recent.by_cooldown > leaves.at THEN 'cooldown'
            WHEN recent.at > leaves.at THEN 'cap'
        END AS reason,
        CASE WHEN NOT %(skips_recent)s THEN recent.at END AS free_at
    FROM asked
    LEFT JOIN (
        SELECT DISTINCT unnest(forms) AS phone FROM consent_records WHERE %(require_consent)s
    ) agreed ON agreed.phone = asked.phone
    LEFT JOIN ({silent}) silent ON silent.phone = asked.phone
    LEFT JOIN (
        SELECT DISTINCT i.id AS lane_id, k.phone
        FROM instances i
        JOIN known_phones k ON k.account_id = i.account_id
        WHERE %(only_known)s
    ) known ON known.phone = asked.phone AND known.lane_id = asked.lane_id
    LEFT JOIN recent ON recent.phone = asked.phone
    LEFT JOIN opens ON opens.lane_id = asked.lane_id AND opens.recipient_group = asked.recipient_group
    CROSS JOIN LATERAL (SELECT greatest(opens.at, %(at)s) AS at) leaves
    WHERE NOT EXISTS (SELECT FROM opted_out o WHERE o.phone = asked.phone AND o.lane_id IN (0, asked.lane_id))
)
SELECT
    lane_id,
    recipient_group,
    reason,
    count(*) AS messages,
    min(free_at) AS first_free_at,
    max(free_at) AS last_free_at
FROM (
    SELECT
        lane_id, recipient_group, reason, free_at,
        ntile(%(pieces)s) OVER (PARTITION BY lane_id, recipient_group, reason ORDER BY free_at) AS piece
    FROM (
        SELECT lane_id, recipient_group, reason, CASE WHEN reason IN ('cooldown', 'cap') THEN free_at END AS free_at
        FROM told
        WHERE reason IS NOT NULL
    ) left_out
) each_one
GROUP BY lane_id, recipient_group, reason, piece
ORDER BY last_free_at
