UPDATE /* give_up_deliveries */
-- What a receiver has not taken for %(patience)s is not tried any more, unless nobody has tried: then no worker ran. What an
-- instance is to send is left to settle_handed_over.sql.
deliveries d
SET given_up_at = now()
FROM notices n, receivers r
WHERE d.delivered_at IS NULL AND d.given_up_at IS NULL AND d.campaign_id IS NULL AND n.id = d.notice_id AND r.id = d.receiver_id
    AND n.noted_at <= now() - %(patience)s AND (d.tries > 0 OR r.failures > 0)
