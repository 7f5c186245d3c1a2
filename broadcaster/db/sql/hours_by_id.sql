SELECT /* hours_by_id */
    id,
    document AS hours
FROM opening_hours
WHERE id = ANY (%(ids)s::integer[])
