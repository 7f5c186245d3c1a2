SET /* read_as_of_now */
-- What this transaction reads from here on is as of one moment, whatever is committed meanwhile; it writes nothing.
TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY
