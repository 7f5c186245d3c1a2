-- Counts attempts where reports look for them: by campaign in slots of five minutes, and by account and duration in hours;
-- and what was accepted by account alone, for monitors.
-- Whoever writes attempts cannot forget it. It runs as the schema's owner, as `count_messages` does and for the same
-- reason. Rows are written in the order of their keys, so that nobody waits in a circle. What is purged stays counted.
CREATE FUNCTION count_attempts() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO attempt_slots AS s (campaign_id, account_id, slot, outcome, attempts)
        SELECT campaign_id, account_id, date_bin('5 min', finished_at, 'epoch'), outcome, count(*)
        FROM new_rows
        GROUP BY 1, 2, 3, 4
        ORDER BY 1, 2, 3, 4
        ON CONFLICT (campaign_id, account_id, slot, outcome) DO UPDATE SET attempts = s.attempts + excluded.attempts;
        INSERT INTO attempt_hours AS h (account_id, hour, outcome, within_ms, attempts)
        SELECT account_id, date_bin('1 hour', finished_at, 'epoch'), outcome, slowest_ms(duration_ms), count(*)
        FROM new_rows
        GROUP BY 1, 2, 3, 4
        ORDER BY 1, 2, 3, 4
        ON CONFLICT (account_id, hour, outcome, within_ms) DO UPDATE SET attempts = h.attempts + excluded.attempts;
        INSERT INTO accepted_counts AS k (account_id, attempts)
        SELECT a.account_id, count(*)
        FROM new_rows a
        JOIN campaigns c ON c.id = a.campaign_id
        WHERE a.outcome = 'accepted' AND c.test_of IS NULL
        GROUP BY 1
        ORDER BY 1
        ON CONFLICT (account_id) DO UPDATE SET attempts = k.attempts + excluded.attempts;
    ELSE -- only a mended clock moves one to another slot
        INSERT INTO attempt_slots AS s (campaign_id, account_id, slot, outcome, attempts)
        SELECT campaign_id, account_id, date_bin('5 min', finished_at, 'epoch'), outcome, sum(delta)
        FROM (SELECT *, 1 AS delta FROM new_rows UNION ALL SELECT *, -1 FROM old_rows) moved
        GROUP BY 1, 2, 3, 4
        HAVING sum(delta) <> 0
        ORDER BY 1, 2, 3, 4
        ON CONFLICT (campaign_id, account_id, slot, outcome) DO UPDATE SET attempts = s.attempts + excluded.attempts;
        INSERT INTO attempt_hours AS h (account_id, hour, outcome, within_ms, attempts)
        SELECT account_id, date_bin('1 hour', finished_at, 'epoch'), outcome, slowest_ms(duration_ms), sum(delta)
        FROM (SELECT *, 1 AS delta FROM new_rows UNION ALL SELECT *, -1 FROM old_rows) moved
        GROUP BY 1, 2, 3, 4
        HAVING sum(delta) <> 0
        ORDER BY 1, 2, 3, 4
        ON CONFLICT (account_id, hour, outcome, within_ms) DO UPDATE SET attempts = h.attempts + excluded.attempts;
        INSERT INTO accepted_counts AS k (account_id, attempts)
        SELECT moved.account_id, sum(moved.delta)
        FROM (SELECT *, 1 AS delta FROM new_rows UNION ALL SELECT *, -1 FROM old_rows) moved
        JOIN campaigns c ON c.id = moved.campaign_id
        WHERE moved.outcome = 'accepted' AND c.test_of IS NULL
        GROUP BY 1
        HAVING sum(moved.delta) <> 0
        ORDER BY 1
        ON CONFLICT (account_id) DO UPDATE SET attempts = k.attempts + excluded.attempts;
    END IF;
    RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION count_attempts() FROM PUBLIC;

CREATE TRIGGER count_inserted AFTER INSERT ON attempts
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION count_attempts();

CREATE TRIGGER count_updated AFTER UPDATE ON attempts
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION count_attempts();
