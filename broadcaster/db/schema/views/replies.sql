CREATE VIEW replies AS
SELECT
    r.id,
    r.phone,
    r.body,
    r.kind,
    r.said_at,
    r.noted_at,
    r.meaning,
    i.name AS instance,
    r.campaign_id,
    c.name AS campaign,
    r.seq,
    r.messaged_at,
    -- By the gateway's clock where that can be, and by ours otherwise: the moment at which it was taken in.
    extract(epoch FROM
        CASE WHEN r.said_at BETWEEN r.messaged_at AND r.noted_at THEN r.said_at ELSE r.noted_at END - r.messaged_at
    )::double precision AS seconds_after,
    r.gateway_id,
    r.chat
FROM inbound_messages r
LEFT JOIN instances i ON i.id = r.lane_id
LEFT JOIN campaigns c ON c.id = r.campaign_id;
COMMENT ON VIEW replies IS
    'One row per message that somebody wrote to an instance, with the campaign that had last messaged that person.';
