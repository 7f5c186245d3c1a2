SET /* see_one_moment */
-- What this transaction reads from here on is as of one moment, whatever is committed meanwhile: as `read_as_of_now`, for one
-- that makes temporary tables.
TRANSACTION ISOLATION LEVEL REPEATABLE READ
