INSERT /* upsert_members */
-- Only what is new or changes is written, so that importing the same again costs next to nothing.
INTO audience_members AS m (audience_id, phone, variables)
SELECT %(audience_id)s, i.phone, i.variables
FROM imported_members i
WHERE NOT EXISTS (
    SELECT
    FROM audience_members same
    WHERE same.audience_id = %(audience_id)s AND same.phone = i.phone
        AND same.variables = CASE WHEN %(replace)s THEN i.variables ELSE same.variables || i.variables END
)
ORDER BY i.phone
ON CONFLICT (audience_id, phone) DO UPDATE
SET
    variables = CASE WHEN %(replace)s THEN excluded.variables ELSE m.variables || excluded.variables END,
    changed_at = now()
