SELECT /* untried_instances */
-- Of these instances, those through which no message was sent yet, be it that of a check.
    i.name
FROM instances i
WHERE i.id = ANY (%(lanes)s::integer[])
    AND NOT EXISTS (SELECT FROM campaign_lanes cl WHERE cl.lane_id = i.id AND cl.sent > 0)
ORDER BY i.name
