UPDATE /* stop_sending_through */
-- Nothing more is sent through the instance that has this account, until an operator says so.
lanes l
SET health = 'refused', health_reason = %(reason)s, health_since = now()
FROM instances i
WHERE i.account_id = %(account)s AND l.id = i.id AND l.health NOT IN ('refused', 'paused')
RETURNING i.name
