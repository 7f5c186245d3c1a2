WITH /* keep_worker_figures */
-- What a worker has measured so far takes the place of what it measured before. Those that have written nothing for a
-- day have ended.
ended AS (
    DELETE FROM worker_figures
    WHERE written_at < clock_timestamp() - interval '1 day' AND worker <> %(worker)s
)
INSERT INTO worker_figures (worker, written_at, figures)
VALUES (%(worker)s, clock_timestamp(), %(figures)s::jsonb)
ON CONFLICT (worker) DO UPDATE SET written_at = excluded.written_at, figures = excluded.figures
