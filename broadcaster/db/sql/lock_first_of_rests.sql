SELECT /* lock_first_of_rests */
-- The campaign called so, or of a rest the first one, locked: whoever takes a rest of any of them waits here.
id
FROM campaigns
WHERE id = (SELECT coalesce(rest_of, id) FROM campaigns WHERE name = %(name)s AND test_of IS NULL)
FOR NO KEY UPDATE
