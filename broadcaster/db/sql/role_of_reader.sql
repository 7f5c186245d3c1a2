SELECT /* role_of_reader */
-- Whether there is a role %(role)s, and whether it owns something of the schema or may write to messages.
    r.oid IS NOT NULL AS is_there,
    coalesce(
        r.rolsuper OR has_any_column_privilege(r.oid, 'messages', 'INSERT, UPDATE')
            OR EXISTS (SELECT FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relowner = r.oid),
        false
    ) AS writes
FROM (SELECT) one
LEFT JOIN pg_roles r ON r.rolname = %(role)s
