SELECT /* not_retired */
-- Those of the instances with these %(names)s through which campaigns can be sent, in this order: neither retired nor removed.
    i.name
FROM unnest(%(names)s::text[]) WITH ORDINALITY AS asked (name, place)
JOIN instances i ON i.name = asked.name AND i.retired_at IS NULL
ORDER BY asked.place
