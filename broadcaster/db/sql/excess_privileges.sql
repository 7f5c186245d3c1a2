SELECT /* excess_privileges */
-- What the role of this session may do that no command and no worker does. Each is reason enough not to trust what the
-- database says after somebody else had this role's password.
what
FROM (
    SELECT 1 AS place, 'is a superuser' AS what FROM pg_roles WHERE rolname = current_user AND rolsuper
    UNION ALL
    SELECT 2, 'owns the schema''s tables'
    FROM pg_class
    WHERE oid = 'messages'::regclass AND pg_has_role(current_user, relowner, 'USAGE')
    UNION ALL
    SELECT 3, 'may create objects in the schema' WHERE has_schema_privilege('public', 'CREATE')
    UNION ALL
    SELECT 4, 'may delete from ' || string_agg(evidence, ', ' ORDER BY evidence)
    FROM unnest(ARRAY[
        'attempts', 'audit_log', 'campaign_lanes', 'campaigns', 'doubts', 'failure_counts', 'messages', 'purges',
        'rejected_recipients', 'settlements'
    ]) AS evidence
    WHERE has_table_privilege(evidence, 'DELETE') OR has_table_privilege(evidence, 'TRUNCATE')
    HAVING count(*) > 0
) found
ORDER BY place
