SELECT /* list_opt_outs */
-- The latest opt-outs, newest first: those that hold, or with `ended` all.
*
FROM optouts
WHERE (holds OR %(ended)s)
    AND (%(instance)s::text IS NULL OR instance = %(instance)s)
ORDER BY id DESC
LIMIT %(limit)s
