"""A database whose clock can be stepped, both ways, under whatever runs on it.

    clock = DatabaseClock(engine)   # before anything else connects
    clock.step(300)                 # for everybody, from their next transaction on
    clock.step(-300)

`now()` and `clock_timestamp()` are functions of a schema that is searched before pg_catalog, by every new session of
the database. As on a real server, `now()` stays what it is for as long as a transaction lasts. What is not replaced:
CURRENT_TIMESTAMP and its like, which are syntax, and the moments that Postgres itself keeps.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, text

from tests.support.database import as_owner

_FUNCTIONS = """
CREATE SCHEMA test_clock;
CREATE TABLE test_clock.ahead (by_interval interval NOT NULL);
INSERT INTO test_clock.ahead VALUES ('0');
GRANT USAGE ON SCHEMA test_clock TO PUBLIC;
GRANT SELECT ON test_clock.ahead TO PUBLIC;
CREATE FUNCTION test_clock.now() RETURNS timestamptz LANGUAGE plpgsql STABLE AS $$
DECLARE
    -- Kept for the transaction, and gone with it.
    ahead text := nullif(pg_catalog.current_setting('test_clock.ahead', true), '');
BEGIN
    IF ahead IS NULL THEN
        SELECT a.by_interval::text INTO ahead FROM test_clock.ahead a;
        PERFORM pg_catalog.set_config('test_clock.ahead', ahead, true);
    END IF;
    RETURN pg_catalog.now() + ahead::interval;
END
$$;
CREATE FUNCTION test_clock.clock_timestamp() RETURNS timestamptz LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    RETURN pg_catalog.clock_timestamp() + (SELECT by_interval FROM test_clock.ahead);
END
$$;
"""
_BOUND_DEFAULTS = """
SELECT format(
    'ALTER TABLE %s ALTER %I SET DEFAULT %s', d.adrelid::regclass, a.attname, pg_get_expr(d.adbin, d.adrelid)
)
FROM pg_attrdef d
JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
JOIN pg_class c ON c.oid = d.adrelid AND c.relnamespace = 'public'::regnamespace
WHERE pg_get_expr(d.adbin, d.adrelid) ~ '(now|clock_timestamp)\\(\\)'
"""
_FIXED_PATHS = """
SELECT format('ALTER FUNCTION %s', oid::regprocedure)
FROM pg_proc
WHERE pronamespace = 'public'::regnamespace AND array_to_string(proconfig, ' ') ~ 'search_path='
"""
_BOUND_VIEWS = """
SELECT format('CREATE OR REPLACE VIEW %s AS %s', c.oid::regclass, pg_get_viewdef(c.oid))
FROM pg_class c
WHERE c.relkind = 'v' AND c.relnamespace = 'public'::regnamespace
    AND pg_get_viewdef(c.oid) ~ '(now|clock_timestamp)\\(\\)'
"""
_BOUND_FUNCTIONS = """
SELECT pg_get_functiondef(oid)
FROM pg_proc
WHERE pronamespace = 'public'::regnamespace AND prosqlbody IS NOT NULL
    AND pg_get_functiondef(oid) ~ '(now|clock_timestamp)\\(\\)'
"""


class DatabaseClock:
    """The clock of the engine's database, and by how many seconds it is ahead of the machine's."""

    def __init__(self, engine: Engine) -> None:
        """Replace it. Sessions that were there before keep the real one: those of `engine` are closed."""
        self._owner = as_owner(engine)
        self.ahead = 0.0
        with self._owner.begin() as connection:
            # Defaults, views and some functions are bound to the function that they were made with.
            asked = (_BOUND_DEFAULTS, _BOUND_VIEWS, _BOUND_FUNCTIONS)
            bound = [statement for each in asked for statement in connection.scalars(text(each))]
            connection.exec_driver_sql(_FUNCTIONS)
            # Tables are still made in `public`.
            path = "public, test_clock, pg_catalog"
            for statement in connection.scalars(text(_FIXED_PATHS)).all():
                connection.exec_driver_sql(f"{statement} SET search_path = {path}")
            connection.exec_driver_sql(f"SET LOCAL search_path = {path}")
            for statement in bound:
                connection.exec_driver_sql(statement)
            connection.exec_driver_sql(f'ALTER DATABASE "{engine.url.database}" SET search_path = {path}')
        engine.dispose()

    def step(self, seconds: float) -> None:
        """Put it forward, or back where that is negative, for transactions that begin from now on."""
        self.ahead += seconds
        with self._owner.begin() as connection:
            _set(connection, self.ahead)

    @contextmanager
    def stepped(self, seconds: float) -> Iterator[None]:
        """Put it forward or back for the time of the block."""
        self.step(seconds)
        try:
            yield
        finally:
            self.step(-seconds)


def _set(connection: Connection, seconds: float) -> None:
    connection.execute(
        text("UPDATE test_clock.ahead SET by_interval = make_interval(secs => :seconds)"), {"seconds": seconds}
    )
