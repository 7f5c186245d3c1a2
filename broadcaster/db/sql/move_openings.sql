UPDATE /* move_openings */
-- What was reckoned for a later moment stays, unless that moment is yet to come: a clock has been put back.
openings o
SET opens_at = r.opens_at, closes_at = r.closes_at, reckoned_at = r.reckoned_at
FROM jsonb_to_recordset(%(openings)s) AS r (
    hours_id integer, recipient_group smallint, opens_at timestamptz, closes_at timestamptz, reckoned_at timestamptz
)
WHERE o.hours_id = r.hours_id AND o.recipient_group = r.recipient_group
    AND (o.reckoned_at < r.reckoned_at OR o.reckoned_at > now())
