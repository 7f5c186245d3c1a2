SELECT /* receivers_through */
-- Receivers that get their notices through an instance, by name.
    name
FROM receivers
WHERE instance_id = %(lane)s
ORDER BY name
