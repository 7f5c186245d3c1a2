SELECT /* overall_figures */
-- What a monitor wants to know of everything together. A campaign that is queued as an occurrence is no draft that
-- somebody has yet to start.
    (SELECT coalesce(jsonb_object_agg(state, n), '{}') FROM (
        SELECT coalesce(o.state::text, c.state::text) AS state, count(*) AS n
        FROM campaigns c
        LEFT JOIN occurrences o ON o.campaign_id = c.id AND o.state = 'queued' AND c.state = 'draft'
        WHERE c.test_of IS NULL
        GROUP BY 1
    ) each_state) AS campaigns,
    (SELECT count(*) FROM opt_outs WHERE ended_at IS NULL) AS opt_outs,
    (SELECT count(*) FROM inbound_messages WHERE noted_at > now() - interval '1 hour') AS replies,
    (
        SELECT coalesce(extract(epoch FROM now() - min(started_at)), 0)::double precision
        FROM doubts
        WHERE resolved_as IS NULL
    ) AS oldest_doubt_seconds
