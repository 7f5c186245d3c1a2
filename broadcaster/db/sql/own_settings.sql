SELECT /* own_settings */
-- What sessions of a role begin with by `ALTER ROLE … SET`, here and in all databases: the role may set it for itself.
array_to_string(s.setconfig, ', ') AS settings, s.setdatabase <> 0 AS is_here
FROM pg_db_role_setting s
JOIN pg_roles r ON r.oid = s.setrole
LEFT JOIN pg_database d ON d.oid = s.setdatabase
WHERE r.rolname = %(role)s AND (s.setdatabase = 0 OR d.datname = current_database())
ORDER BY is_here
