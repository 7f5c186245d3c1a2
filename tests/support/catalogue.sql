-- Everything that the schema consists of, as Postgres itself describes it: one row per object, with what it is.
-- Who was granted what is not in it, but whether everybody may call a function is.
SELECT 'type ' || t.oid::regtype AS object, string_agg(e.enumlabel, ', ' ORDER BY e.enumsortorder) AS definition
FROM pg_type t
JOIN pg_enum e ON e.enumtypid = t.oid
WHERE t.typnamespace = 'public'::regnamespace
GROUP BY t.oid
UNION ALL
SELECT
    CASE c.relkind WHEN 'v' THEN 'view ' WHEN 'c' THEN 'type ' WHEN 'S' THEN 'sequence ' ELSE 'table ' END
        || c.oid::regclass,
    concat_ws(
        E'\n',
        c.relkind, c.reloptions, pg_get_expr(c.relpartbound, c.oid), obj_description(c.oid, 'pg_class'),
        CASE WHEN c.relkind = 'p' THEN pg_get_partkeydef(c.oid) END,
        CASE WHEN c.relkind = 'v' THEN pg_get_viewdef(c.oid) END,
        (
            SELECT string_agg(
                concat_ws(
                    ' ',
                    a.attname, format_type(a.atttypid, a.atttypmod), CASE WHEN a.attnotnull THEN 'NOT NULL' END,
                    'identity ' || nullif(a.attidentity::text, ''), pg_get_expr(d.adbin, d.adrelid),
                    col_description(c.oid, a.attnum)
                ),
                E'\n' ORDER BY a.attnum
            )
            FROM pg_attribute a
            LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
            WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        )
    )
FROM pg_class c
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'c', 'S')
UNION ALL
SELECT 'constraint ' || conname || ' of ' || conrelid::regclass, pg_get_constraintdef(oid)
FROM pg_constraint
WHERE connamespace = 'public'::regnamespace AND contype <> 'n' AND conrelid <> 0
UNION ALL
SELECT 'index ' || indexrelid::regclass, pg_get_indexdef(indexrelid)
FROM pg_index
JOIN pg_class c ON c.oid = indexrelid
WHERE c.relnamespace = 'public'::regnamespace
UNION ALL
SELECT
    'function ' || p.oid::regprocedure,
    pg_get_functiondef(p.oid) || CASE
        WHEN EXISTS (SELECT FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) WHERE grantee = 0)
            THEN 'for everybody'
        ELSE 'not for everybody'
    END
FROM pg_proc p
WHERE p.pronamespace = 'public'::regnamespace
UNION ALL
SELECT 'trigger ' || t.tgname || ' of ' || t.tgrelid::regclass, t.tgenabled::text || ' ' || pg_get_triggerdef(t.oid)
FROM pg_trigger t
JOIN pg_class c ON c.oid = t.tgrelid
WHERE c.relnamespace = 'public'::regnamespace AND NOT t.tgisinternal
