-- Counts attempts where reports look for them: by campaign in slots of five minutes, and by account and duration in hours.
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
    END IF;
    RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION count_attempts() FROM PUBLIC;

CREATE TRIGGER count_inserted AFTER INSERT ON attempts
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION count_attempts();

CREATE TRIGGER count_updated AFTER UPDATE ON attempts
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION count_attempts();
