SELECT /* due_purges */
-- The campaigns that ended %(older_than)s ago or earlier, and that nothing keeps from being purged; the first few.
id, name
FROM campaigns
WHERE purged_at IS NULL AND finished_at <= now() - %(older_than)s AND kept_because(id, %(older_than)s) IS NULL
ORDER BY finished_at, id
LIMIT %(most)s
