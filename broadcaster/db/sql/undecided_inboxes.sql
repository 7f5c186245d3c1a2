SELECT /* undecided_inboxes */
-- To which instances how many people wrote something that may ask to stop, of which nobody has decided since when. Without
-- a name: to instances that were removed.
    i.name,
    count(DISTINCT u.phone) AS people,
    min(u.noted_at) AS since
FROM undecided_replies u
LEFT JOIN instances i ON i.id = u.lane_id
GROUP BY i.name
ORDER BY i.name
