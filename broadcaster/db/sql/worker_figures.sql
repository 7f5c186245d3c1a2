SELECT /* worker_figures */
-- What those workers have measured that have written it lately.
    worker,
    figures
FROM worker_figures
WHERE written_at > clock_timestamp() - %(within)s
ORDER BY worker
