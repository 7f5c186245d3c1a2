-- A lane that gets into trouble (down, refused) falls back a step of its ramp: it does not come back at full speed. The
-- lane is locked by whoever says so, then its limit: the order of claims.
CREATE FUNCTION fall_back_a_step() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE public.limits l
    SET step = greatest(1, l.step - 1), most = l.ramp[greatest(1, l.step - 1)], step_since = now()
    WHERE l.lane_id = NEW.id AND l.ramp <> '{}';
    UPDATE public.limits l
    SET (counts, newest, free_at) = (
        SELECT a.counts, a.newest, a.free_at FROM public.limit_after(l, 0, '{}', now()) a
    )
    WHERE l.lane_id = NEW.id AND l.ramp <> '{}';
    RETURN NULL;
END
$$;

CREATE TRIGGER fall_back_a_step AFTER UPDATE OF health ON lanes
    FOR EACH ROW WHEN (NEW.health IN ('down', 'refused') AND OLD.health NOT IN ('down', 'refused'))
    EXECUTE FUNCTION fall_back_a_step();
