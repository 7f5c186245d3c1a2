UPDATE /* clock_is_mended */
-- What the step of the clock left behind is mended: from here on it counts as steady.
-- A tick that lay in the future is late three periods from now, if it is not done meanwhile.
ticks
SET
    done_at = CASE WHEN name = 'recover' THEN clock_timestamp() ELSE least(done_at, clock_timestamp()) END,
    put_back_seconds = 0,
    steady_since = CASE WHEN %(back)s > 0 THEN clock_timestamp() ELSE least(steady_since, clock_timestamp()) END
