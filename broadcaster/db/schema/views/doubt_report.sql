CREATE VIEW doubt_report AS
SELECT
    d.campaign_id,
    c.name AS campaign,
    d.seq,
    d.attempt,
    d.phone,
    i.name AS instance,
    d.started_at,
    d.ended_at,
    d.polls,
    d.reading,
    d.resolved_as,
    d.resolved_at,
    extract(epoch FROM coalesce(d.resolved_at, now()) - d.started_at)::double precision AS seconds_open
FROM doubts d
JOIN campaigns c ON c.id = d.campaign_id AND c.segment = d.segment
JOIN instances i ON i.id = d.lane_id
WHERE c.test_of IS NULL;
COMMENT ON VIEW doubt_report IS
    'One row per request of which nobody knew whether the gateway took it: how that was resolved, and after how long.';
