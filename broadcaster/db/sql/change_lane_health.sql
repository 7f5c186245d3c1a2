UPDATE /* change_lane_health */
-- What an attempt said of its lane, written by whoever holds it. An operator's word (paused, refused) stands, and the
-- account that the lane had says nothing of the one that its instance has now.
lanes
SET
    health = %(health)s,
    health_reason = %(reason)s,
    health_since = CASE WHEN health = %(health)s THEN health_since ELSE now() END,
    failures = %(failures)s,
    outcome_run = %(run)s,
    not_before = now() + make_interval(secs => %(rest)s),
    rest_seconds = %(rest)s
WHERE id = %(lane)s AND lease_token = %(token)s AND health NOT IN ('refused', 'paused')
    AND account_id = (SELECT i.account_id FROM instances i WHERE i.id = %(lane)s)
