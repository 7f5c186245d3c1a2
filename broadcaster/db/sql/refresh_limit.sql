UPDATE /* refresh_limit */
-- When the next place of a limit is free, which has just been set.
limits l
SET (counts, newest, free_at) = (SELECT a.counts, a.newest, a.free_at FROM limit_after(l, 0, '{}', now()) a)
WHERE id = %(limit)s
