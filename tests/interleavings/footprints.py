"""What a transaction reads, locks and writes, as Postgres itself says: which pairs cannot disturb each other."""

from __future__ import annotations

from typing import Any, NamedTuple

import psycopg

_FORGET_EARLIER = "SELECT pg_stat_force_next_flush()"
"""Counts of rows are kept by a session for a second: those of earlier transactions are none of this one's."""
_TAKEN = """
SELECT
    coalesce(pg_partition_root(c.oid)::regclass::text, c.relname, format('advisory lock %s %s', l.classid, l.objid)),
    l.mode = 'RowShareLock',
    l.mode NOT IN (
        'AccessShareLock', 'RowShareLock', CASE l.locktype WHEN 'advisory' THEN 'ShareLock' ELSE 'RowExclusiveLock' END
    )
FROM pg_locks l
LEFT JOIN pg_class c ON c.oid = l.relation AND c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
WHERE l.pid = pg_backend_pid() AND (c.oid IS NOT NULL OR l.locktype = 'advisory')
"""
"""By name whether rows may be locked there, and whether it is taken as a whole. Whoever takes a table in order to
change rows of it (RowExclusiveLock) may have found none."""
_WRITTEN = """
SELECT coalesce(pg_partition_root(relid), relid)::regclass::text FROM pg_stat_xact_user_tables
WHERE schemaname = 'public' AND n_tup_ins + n_tup_upd + n_tup_del > 0
"""


class Footprint(NamedTuple):
    """Tables, each with all of its partitions, and advisory locks."""

    touched: frozenset[str]
    """Whatever was so much as looked at, also by a trigger or a foreign key."""
    locked: frozenset[str]
    """Where a row was locked, and what was written."""
    written: frozenset[str]
    """Where a row was inserted, changed or deleted, and what was locked as a whole."""

    def is_apart_from(self, other: Footprint) -> bool:
        """Whether neither transaction sees or waits for anything of the other, however they meet.

        Each then does what it does alone. What a statement may read it locks as a table before it has read a row, so
        that nothing of this depends on the rows that there are.
        """
        return not (self.written & other.touched or other.written & self.touched or self.locked & other.locked)


def begin_footprint(session: psycopg.Connection[Any]) -> None:
    """Begin a transaction of which `read_footprint` is asked before it ends."""
    session.execute(_FORGET_EARLIER)
    session.execute("BEGIN")


def read_footprint(session: psycopg.Connection[Any]) -> Footprint:
    """That of the session's transaction so far."""
    taken: list[tuple[str, bool, bool]] = session.execute(_TAKEN).fetchall()
    written = {name for (name,) in session.execute(_WRITTEN)} | {name for name, _, as_a_whole in taken if as_a_whole}
    return Footprint(
        touched=frozenset(name for name, *_ in taken),
        locked=frozenset({name for name, locks_rows, _ in taken if locks_rows} | written),
        written=frozenset(written),
    )
