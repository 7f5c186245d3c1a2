SELECT /* judged_instances */
-- Instances that may pause themselves, with the figures of the last day, or since somebody let them go on: of what their
-- accounts accepted and refused for the recipient's sake, and of the replies to that.
    i.id,
    i.name,
    i.stops,
    i.judged_since AS since,
    n.sent,
    n.failed,
    CASE WHEN i.read_replies_seconds IS NULL THEN 0 ELSE n.sent END AS read,
    back.opted_out,
    CASE WHEN i.read_replies_seconds IS NULL THEN 0 ELSE n.answerable END AS answerable,
    back.answered
FROM instances i
JOIN lanes l ON l.id = i.id AND l.health NOT IN ('paused', 'refused')
CROSS JOIN LATERAL (SELECT greatest(i.judged_since, now() - interval '1 day') AS since) span
CROSS JOIN LATERAL (
    SELECT
        count(*) FILTER (WHERE a.outcome = 'accepted') AS sent,
        count(*) FILTER (WHERE a.outcome = 'rejected') AS failed,
        count(*) FILTER (WHERE a.outcome = 'accepted' AND a.finished_at <= now() - %(after)s) AS answerable
    FROM attempts a
    WHERE a.account_id = i.account_id AND a.finished_at >= span.since
) n
CROSS JOIN LATERAL (
    SELECT
        count(DISTINCT (r.campaign_id, r.seq)) FILTER (WHERE r.meaning = 'stop') AS opted_out,
        count(DISTINCT (r.campaign_id, r.seq)) FILTER (WHERE r.messaged_at <= now() - %(after)s) AS answered
    FROM inbound_messages r
    WHERE r.account_id = i.account_id AND r.noted_at >= span.since AND r.messaged_at >= span.since
) back
WHERE i.stops IS NOT NULL
ORDER BY i.id
