-- A tick was done just now. Two workers may do one at once; the later of them counts.
INSERT INTO ticks (name, period_seconds, done_at)
VALUES (%(name)s, %(period)s, now())
ON CONFLICT (name) DO UPDATE
SET period_seconds = excluded.period_seconds, done_at = greatest(ticks.done_at, excluded.done_at)
