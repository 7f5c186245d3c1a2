CREATE TABLE ticks (
    name text PRIMARY KEY,
    period_seconds double precision NOT NULL,
    done_at timestamptz NOT NULL,
    put_back_seconds double precision NOT NULL DEFAULT 0,
    steady_since timestamptz
);
COMMENT ON TABLE ticks IS 'When each of beat''s ticks was last done: one row per tick.';
COMMENT ON COLUMN ticks.name IS 'Which of the scans that beat fires.';
COMMENT ON COLUMN ticks.period_seconds IS 'How many seconds apart beat fires it.';
COMMENT ON COLUMN ticks.done_at IS
    'When a worker last did it; more than three periods ago: no beat or no worker runs.';
COMMENT ON COLUMN ticks.put_back_seconds IS
    'By how much the database''s clock was put back, until what it had stored is mended; 0: not at all.';
COMMENT ON COLUMN ticks.steady_since IS
    'When the database''s clock was last found to have been put back; null: never.';
