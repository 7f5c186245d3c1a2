-- A cancelled campaign needs no more looking after once nothing of it is in flight or in doubt.
UPDATE campaign_lanes cl
SET open = false
FROM campaigns c
WHERE c.id = cl.campaign_id AND c.state = 'cancelled' AND cl.open
    AND cl.pending + cl.sending + cl.in_doubt = 0
