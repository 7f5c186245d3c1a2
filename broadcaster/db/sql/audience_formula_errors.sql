SELECT /* audience_formula_errors */
-- What the members of an audience have for these variables that may be the error of a formula, each value once: those with
-- a sign that all of them have.
DISTINCT used.name, m.variables ->> used.name AS value
FROM audience_members m
CROSS JOIN unnest(%(names)s::text[]) AS used (name)
WHERE m.audience_id = %(audience_id)s AND m.variables ->> used.name ~ '#|Err'
