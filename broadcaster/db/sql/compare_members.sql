WITH /* compare_members */
-- What an import makes of an audience: how many members it adds, changes, leaves as they are and, where it replaces
-- them all, removes; with the first few of each.
difference AS (
    SELECT
        phone,
        CASE
            WHEN m.variables IS NULL THEN 'added'
            WHEN i.variables IS NULL THEN 'removed'
            WHEN m.variables = CASE WHEN %(replace)s THEN i.variables ELSE m.variables || i.variables END
                THEN 'unchanged'
            ELSE 'changed'
        END AS kind
    FROM imported_members i
    FULL JOIN (SELECT phone, variables FROM audience_members WHERE audience_id = %(audience_id)s) m USING (phone)
    WHERE %(replace)s OR i.variables IS NOT NULL
)
SELECT
    kind,
    count(*) AS members,
    ARRAY(SELECT phone FROM difference each WHERE each.kind = difference.kind ORDER BY phone LIMIT 3) AS examples
FROM difference
GROUP BY kind
