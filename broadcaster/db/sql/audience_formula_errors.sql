SELECT /* audience_formula_errors */
-- What the members of an audience have for one variable that may be the error of a formula, each value once: those with
-- a sign that all of them have.
DISTINCT variables ->> %(name)s AS value
FROM audience_members
WHERE audience_id = %(audience_id)s AND variables ->> %(name)s ~ '#|Err'
