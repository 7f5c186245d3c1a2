-- Keeps when a lane was not ok, whoever wrote it. It runs as the schema's owner: nobody else writes that. What lasted for
-- less than five seconds is not kept, so that a gateway that throttles again and again fills no table. A gateway may say
-- phones in its reasons, and these rows stay: no number is kept.
CREATE FUNCTION keep_lane_trouble() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    UPDATE lane_troubles SET ended_at = now() WHERE lane_id = NEW.id AND ended_at = 'infinity';
    DELETE FROM lane_troubles
    WHERE lane_id = NEW.id AND ended_at = now() AND ended_at < began_at + interval '5 s';
    IF NEW.health <> 'ok' THEN
        INSERT INTO lane_troubles (lane_id, began_at, health, reason)
        VALUES (NEW.id, now(), NEW.health, without_numbers(NEW.health_reason))
        ON CONFLICT (lane_id, began_at) DO UPDATE
        SET ended_at = 'infinity', health = excluded.health, reason = excluded.reason;
    END IF;
    RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION keep_lane_trouble() FROM PUBLIC;

CREATE TRIGGER keep_trouble AFTER UPDATE OF health ON lanes
    FOR EACH ROW WHEN (OLD.health <> NEW.health) EXECUTE FUNCTION keep_lane_trouble();
