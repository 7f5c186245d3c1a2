-- Keeps when nothing of a campaign was due on a lane, so that reports do not count that time as missed. It runs as the
-- schema's owner. The row of the counters is locked by whoever changes it, and so these rows are, too. What lasts for less
-- than five seconds is not kept: the last messages of a campaign come and go one by one.
CREATE FUNCTION keep_idle_time() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    ends_at timestamptz := greatest(now(), CASE WHEN NEW.pending = 0 THEN 'infinity' ELSE NEW.next_due_at END);
BEGIN
    UPDATE idle_times SET ended_at = ends_at
    WHERE campaign_id = NEW.campaign_id AND lane_id = NEW.lane_id AND ended_at > now();
    IF FOUND THEN
        DELETE FROM idle_times
        WHERE campaign_id = NEW.campaign_id AND lane_id = NEW.lane_id AND ended_at = now()
            AND ended_at < began_at + interval '5 s';
    ELSIF ends_at > now() + interval '5 s' THEN
        INSERT INTO idle_times (campaign_id, lane_id, began_at, ended_at)
        VALUES (NEW.campaign_id, NEW.lane_id, now(), ends_at)
        ON CONFLICT (campaign_id, lane_id, began_at) DO UPDATE SET ended_at = excluded.ended_at;
    END IF;
    RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION keep_idle_time() FROM PUBLIC;

CREATE TRIGGER keep_idle_time AFTER UPDATE ON campaign_lanes
    FOR EACH ROW WHEN ((OLD.pending = 0) <> (NEW.pending = 0) OR OLD.next_due_at <> NEW.next_due_at)
    EXECUTE FUNCTION keep_idle_time();
