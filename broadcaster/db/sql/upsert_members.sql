INSERT INTO audience_members AS m (audience_id, phone, variables)
SELECT %(audience_id)s, phone, variables
FROM imported_members
ORDER BY phone
ON CONFLICT (audience_id, phone) DO UPDATE
SET
    variables = CASE WHEN %(replace)s THEN excluded.variables ELSE m.variables || excluded.variables END,
    changed_at = now()
WHERE m.variables <> CASE WHEN %(replace)s THEN excluded.variables ELSE m.variables || excluded.variables END
