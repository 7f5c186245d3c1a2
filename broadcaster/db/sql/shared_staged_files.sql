SELECT /* shared_staged_files */
-- The same of messages that are staged alone; `digests` are those of the files at `paths`.
    min(f.path) AS path, count(DISTINCT m.phone) AS phones
FROM staged_messages m
JOIN unnest(%(paths)s::text[], %(digests)s::bytea[]) AS f (path, digest) ON f.path = m.variables ->> %(column)s
GROUP BY f.digest
HAVING count(DISTINCT m.phone) > 1
ORDER BY phones DESC, path
