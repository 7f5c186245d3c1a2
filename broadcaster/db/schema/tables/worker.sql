CREATE TABLE worker_figures (
    worker text PRIMARY KEY,
    since timestamptz NOT NULL DEFAULT now(),
    written_at timestamptz NOT NULL,
    figures jsonb NOT NULL
);
COMMENT ON TABLE worker_figures IS
    'What workers have measured since they started: one row per worker, written again every few seconds.';
COMMENT ON COLUMN worker_figures.worker IS 'The name under which the worker holds lanes.';
COMMENT ON COLUMN worker_figures.since IS 'When it started.';
COMMENT ON COLUMN worker_figures.written_at IS 'When it last wrote them; long ago: it has ended.';
COMMENT ON COLUMN worker_figures.figures IS 'Histograms: by name the counts between their bounds, and the sum.';
