LOCK /* lock_claims */
-- No claim is under way from here on, and the next one waits until this transaction has ended and sees what it has written:
-- every claim writes lanes, and takes its lock on them before its snapshot.
TABLE lanes IN SHARE ROW EXCLUSIVE MODE
