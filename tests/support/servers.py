"""The servers of a test session, and a database per test."""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis
from cryptography.fernet import Fernet
from sqlalchemy import Engine, create_engine, make_url, text

from broadcaster.cli.database import upgrade_database
from broadcaster.embedded import start_servers
from broadcaster.settings import Settings, load

TEMPLATE = "migrated"
_MEMORY = Path("/dev/shm")
_ROOM = 4 << 30
"""Bytes: more than the servers of all workers of a test run have ever had."""
_SMALL = ("max_wal_size = '256MB'", "min_wal_size = '64MB'")
"""Room for the servers of all workers of a test run."""


class TestServers:
    """Embedded Postgres and Redis, with a migrated database to copy."""

    __test__ = False  # a helper, though its name looks like a test's to pytest

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._numbers = itertools.count(1)
        self._secret_key = Fernet.generate_key().decode()
        self._admin = create_engine(settings.migration_url, isolation_level="AUTOCOMMIT", pool_pre_ping=True)
        for setting in _SMALL:
            self._execute(f"ALTER SYSTEM SET {setting}")
        self._execute("SELECT pg_reload_conf()")
        self._execute(f"CREATE DATABASE {TEMPLATE}")
        upgrade_database(load(self._environ(TEMPLATE), dotenv=None))

    @contextmanager
    def environment(self, *, migrated: bool = True) -> Iterator[dict[str, str]]:
        """The `BROADCASTER_*` variables of a database of one's own and an empty Redis."""
        name = f"test_{next(self._numbers)}"
        template = TEMPLATE if migrated else "template0"
        # Files are copied in a tenth of the time in which their pages are read, logged and written.
        self._execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
        self._flush_redis()
        try:
            yield self._environ(name)
        finally:
            self._execute(f"DROP DATABASE {name} WITH (FORCE)")

    @contextmanager
    def without(self, engine: Engine) -> Iterator[None]:
        """Nobody gets a connection to the engine's database, and those that there are end."""
        name = engine.url.database
        self._execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        self._execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
        try:
            yield
        finally:
            self._execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")

    def close(self) -> None:
        self._admin.dispose()

    def _environ(self, database: str) -> dict[str, str]:
        return {
            "BROADCASTER_HOME": str(self._settings.home / "commands"),
            "BROADCASTER_DATABASE_URL": _libpq_url(self._settings.postgres_url, database),
            "BROADCASTER_MIGRATION_DATABASE_URL": _libpq_url(self._settings.migration_url, database),
            "BROADCASTER_REDIS_URL": self._settings.broker_url,
            "BROADCASTER_SECRET_KEY": self._secret_key,
        }

    def _execute(self, statement: str) -> None:
        with self._admin.connect() as connection:
            connection.execute(text(statement))

    def _flush_redis(self) -> None:
        with redis_client(self._settings) as client:
            client.flushall()


def redis_client(settings: Settings) -> redis.Redis:
    """A client of the embedded Redis, to be used in a `with`."""
    return redis.Redis.from_url(settings.broker_url.replace("redis+socket://", "unix://"))


@contextmanager
def running_servers() -> Iterator[TestServers]:
    """Servers in a home that their account can pass through, unlike what tmp_path gives to root."""
    home = Path(tempfile.mkdtemp(prefix="broadcaster-test-", dir=_MEMORY if _is_usable(_MEMORY) else "/tmp"))
    home.chmod(0o711)
    settings = Settings(home=home)
    try:
        with start_servers(settings):
            servers = TestServers(settings)
            try:
                yield servers
            finally:
                servers.close()
    finally:
        shutil.rmtree(home)


def _is_usable(memory: Path) -> bool:
    """Whether there is a file system without a disk, with room, from which programs may be run."""
    if not memory.is_dir():
        return False
    there = os.statvfs(memory)
    return there.f_bavail * there.f_frsize >= _ROOM and not there.f_flag & os.ST_NOEXEC


def clean_environment() -> dict[str, str]:
    """This process's environment without anybody's settings, of ours or of how Python buffers what it writes."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("BROADCASTER_") and name != "PYTHONUNBUFFERED"
    }


def _libpq_url(url: str, database: str) -> str:
    return make_url(url).set(drivername="postgresql", database=database).render_as_string(hide_password=False)
