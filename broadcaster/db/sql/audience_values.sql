SELECT /* audience_values */
-- What the members of an audience have for one variable, each value once.
DISTINCT variables ->> %(name)s AS value
FROM audience_members
WHERE audience_id = %(audience_id)s AND variables ->> %(name)s IS NOT NULL
