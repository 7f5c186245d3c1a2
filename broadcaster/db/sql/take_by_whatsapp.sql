SELECT /* take_by_whatsapp */
-- Whether a delivery is still to be made, and through which instance in which health. Nobody else makes it until the
-- transaction ends: of the delivery's row it sees what was committed last. The receiver is locked first, as the claim does.
    i.name AS instance,
    l.health,
    i.retired_at IS NOT NULL AS is_retired,
    EXISTS (SELECT FROM opted_out o WHERE o.phone = r.address AND o.lane_id IN (0, l.id)) AS has_opted_out
FROM receivers r
JOIN deliveries d ON d.receiver_id = r.id
JOIN instances i ON i.id = r.instance_id
JOIN lanes l ON l.id = i.id
WHERE d.id = %(id)s AND d.delivered_at IS NULL AND d.campaign_id IS NULL
FOR NO KEY UPDATE OF r, d
