SELECT /* notice_figures */
-- What each receiver was not told: waiting, since when, and given up. Given up are those of the last 90 days, tests apart.
    r.name,
    count(d.id) FILTER (WHERE d.given_up_at IS NULL) AS waiting,
    count(d.given_up_at) FILTER (WHERE n.event <> 'test') AS given_up,
    coalesce(extract(epoch FROM now() - min(n.noted_at) FILTER (WHERE d.given_up_at IS NULL)), 0)::double precision
        AS oldest_seconds
FROM receivers r
LEFT JOIN deliveries d ON d.receiver_id = r.id AND d.delivered_at IS NULL
LEFT JOIN notices n ON n.id = d.notice_id
GROUP BY r.id
ORDER BY r.name
