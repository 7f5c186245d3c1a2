INSERT /* note_tick */
-- A tick was done just now. If two workers did it at once, the one that writes last counts, and not the later moment:
-- that may come from before the clock was put back. By how much it was put back is kept until `recover` has mended what
-- is stored.
INTO ticks (name, period_seconds, done_at)
VALUES (%(name)s, %(period)s, clock_timestamp())
ON CONFLICT (name) DO UPDATE
SET
    period_seconds = excluded.period_seconds,
    done_at = clock_timestamp(),
    put_back_seconds = CASE
        WHEN ticks.done_at > clock_timestamp() + interval '1 s'
            THEN greatest(ticks.put_back_seconds, extract(epoch FROM ticks.done_at - clock_timestamp()))
        ELSE ticks.put_back_seconds
    END
