SELECT /* read_audit */
-- The latest rows of the audit trail, oldest first.
*
FROM (
    SELECT id, at, operator, host, command, db_role, object_kind, object_name, action, before, after
    FROM audit_log
    WHERE (%(kind)s::text IS NULL OR object_kind = %(kind)s)
        AND (%(name)s::text IS NULL OR object_name = %(name)s)
        AND (%(since)s::timestamptz IS NULL OR at >= %(since)s)
    ORDER BY id DESC
    LIMIT %(limit)s
) latest
ORDER BY id
