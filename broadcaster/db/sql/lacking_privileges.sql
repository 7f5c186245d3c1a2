SELECT /* lacking_privileges */
-- Those of %(needed)s, as [{privilege, kind, object, column}], that the role of this session lacks.
concat(privilege, ' on ', object, '.' || "column")
FROM jsonb_to_recordset(%(needed)s) AS needed (privilege text, kind text, object text, "column" text)
WHERE NOT CASE
    WHEN kind = 'DATABASE' THEN has_database_privilege(current_database(), privilege)
    WHEN kind = 'SCHEMA' THEN has_schema_privilege(object, privilege)
    WHEN kind = 'SEQUENCE' THEN has_sequence_privilege(object, privilege)
    WHEN kind = 'FUNCTION' THEN has_function_privilege(object, privilege)
    WHEN "column" IS NULL THEN has_table_privilege(object, privilege)
    ELSE has_column_privilege(object, "column", privilege)
END
ORDER BY object, privilege, "column"
