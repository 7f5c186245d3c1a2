-- The counters of a segment whose messages no trigger saw come: the constraint `new` says what they are.
SELECT count_message_changes(array_agg(({segment}, lane_id, 'pending', '-infinity', n)::message_change))
FROM (SELECT lane_id, count(*) AS n FROM messages_{segment} GROUP BY lane_id) AS came
