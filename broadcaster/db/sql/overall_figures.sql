SELECT /* overall_figures */
-- What a monitor wants to know of everything together.
    (SELECT coalesce(jsonb_object_agg(state, n), '{}') FROM (
        SELECT state, count(*) AS n FROM campaigns WHERE test_of IS NULL GROUP BY state
    ) each_state) AS campaigns,
    (SELECT count(*) FROM opt_outs WHERE ended_at IS NULL) AS opt_outs,
    (SELECT count(*) FROM inbound_messages WHERE noted_at > now() - interval '1 hour') AS replies,
    (
        SELECT coalesce(extract(epoch FROM now() - min(started_at)), 0)::double precision
        FROM doubts
        WHERE resolved_as IS NULL
    ) AS oldest_doubt_seconds
