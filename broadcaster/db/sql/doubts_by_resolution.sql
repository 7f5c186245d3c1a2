SELECT /* doubts_by_resolution */
-- How the doubts of a campaign were resolved, and after how long; the most frequent way first. Those that are open have no
-- half that ended: only how long they are in doubt so far.
    coalesce(resolved_as::text, 'open') AS resolved,
    count(*) AS doubts,
    percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds_open) FILTER (WHERE resolved_at IS NOT NULL) AS median_seconds,
    max(seconds_open) AS longest_seconds
FROM doubt_report
WHERE campaign_id = %(campaign_id)s
GROUP BY 1
ORDER BY 2 DESC, 1
