CREATE /* find_homes */ TEMPORARY TABLE homes ON COMMIT DROP AS
-- Of those in {recipients} whom one of the lanes %(lanes)s has talked to, the one that did last: it sent them something, they
-- wrote to it, or failing that it has them among its contacts. What counts is what its account of now did. In whole sets:
-- the history is read once, however many they are.
WITH theirs AS MATERIALIZED (
    SELECT phone FROM {recipients} GROUP BY phone
), own AS MATERIALIZED (
    SELECT i.id AS lane_id, i.account_id, a.created_at
    FROM instances i
    JOIN accounts a ON a.id = i.account_id
    WHERE i.id = ANY (%(lanes)s::integer[])
), talked AS (
    SELECT m.phone, m.lane_id, max(m.changed_at) AS last
    FROM campaigns c
    JOIN messages m ON m.segment = c.segment AND m.campaign_id = c.id
    JOIN own ON own.lane_id = m.lane_id AND m.changed_at >= own.created_at
    JOIN theirs ON theirs.phone = m.phone
    WHERE c.started_at IS NOT NULL AND c.test_of IS NULL AND c.purged_at IS NULL AND m.state = 'sent'
    GROUP BY m.phone, m.lane_id
    UNION ALL
    SELECT r.phone, own.lane_id, max(r.noted_at)
    FROM inbound_messages r
    JOIN own ON own.account_id = r.account_id
    JOIN theirs ON theirs.phone = r.phone
    GROUP BY r.phone, own.lane_id
    UNION ALL
    SELECT k.phone, own.lane_id, '-infinity'
    FROM known_phones k
    JOIN own ON own.account_id = k.account_id
    JOIN theirs ON theirs.phone = k.phone
)
SELECT DISTINCT ON (phone) phone, lane_id FROM talked ORDER BY phone, last DESC, lane_id
