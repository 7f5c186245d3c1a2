SELECT /* told_moves */
-- Which lanes gave messages of a campaign to which others, and why: of one campaign, or of all from or to one instance;
-- the latest %(most)s of them.
    c.name AS campaign,
    giver.name AS from_instance,
    taker.name AS to_instance,
    m.reason,
    sum(m.messages)::bigint AS messages,
    min(m.moved_at) AS since,
    max(m.moved_at) AS latest,
    max(m.moved_by) AS moved_by
FROM lane_moves m
JOIN campaigns c ON c.id = m.campaign_id
JOIN instances giver ON giver.id = m.from_lane_id
JOIN instances taker ON taker.id = m.to_lane_id
WHERE CASE
    WHEN %(campaign)s::text IS NOT NULL THEN c.name = %(campaign)s
    ELSE %(instance)s IN (giver.name, taker.name)
END
GROUP BY c.name, giver.name, taker.name, m.reason
ORDER BY max(m.moved_at) DESC, c.name, giver.name, taker.name
LIMIT %(most)s
