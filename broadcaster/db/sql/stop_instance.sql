UPDATE /* stop_instance */
-- An instance that has passed one of its own limits is paused, with its figures; unless it was let go on since these were
-- counted. The caller has its row locked before, so that this sees whatever was committed.
lanes l
SET health = 'paused', health_reason = %(reason)s, health_since = now(), failures = 0, not_before = NULL
FROM instances i
WHERE l.id = %(instance_id)s AND l.health NOT IN ('paused', 'refused') AND i.id = l.id AND i.judged_since = %(since)s
RETURNING i.name
