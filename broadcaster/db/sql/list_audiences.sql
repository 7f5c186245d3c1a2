SELECT /* list_audiences */
-- All audiences by name, or one.
    a.name,
    (SELECT count(*) FROM audience_members m WHERE m.audience_id = a.id) AS members,
    a.variables,
    a.created_at,
    a.changed_at
FROM audiences a
WHERE %(name)s::text IS NULL OR a.name = %(name)s
ORDER BY a.name
