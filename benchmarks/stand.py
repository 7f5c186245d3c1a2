"""The test stand: Postgres and Redis of this run's own, workers on them, and a sink in the gateway's place."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from celery import Celery
from redis import Redis
from sqlalchemy import Engine, text

from benchmarks import nginx
from benchmarks.processes import Program, wait_until
from benchmarks.recorder import Moments, Recorder
from benchmarks.sink import URL_VARIABLE, Sink
from broadcaster.cli.database import upgrade_database
from broadcaster.crypto import Vault, open_vault
from broadcaster.db.engine import open_migrator, transaction
from broadcaster.embedded import start_servers
from broadcaster.settings import PREFIX, Settings, load


class Stand:
    """What a figure is measured on. Made by `open_stand`."""

    def __init__(self, directory: Path, **variables: str) -> None:
        """`variables` are settings other than the default ones, as `BROADCASTER_*` has them."""
        self.directory = directory
        environment = {**stand_environment(directory / "home"), **variables}
        self.settings: Settings = load(environment, dotenv=None)
        self.vault: Vault
        self.engine: Engine
        self.sink: Sink
        self._environment = {**os.environ, **environment}
        # An installed program has its bytecode; what is compiled anew at each start would be measured with it.
        self._environment.pop("PYTHONDONTWRITEBYTECODE", None)

    @contextmanager
    def opened(self, open_sink: Callable[[Stand], AbstractContextManager[Sink]]) -> Iterator[Stand]:
        """Servers, schema and sink, until the end of the block."""
        with ExitStack() as stack:
            stack.enter_context(start_servers(self.settings))
            self.engine = open_migrator(self.settings)
            stack.callback(self.engine.dispose)
            upgrade_database(self.settings)
            self.vault = open_vault(self.settings)
            self.sink = stack.enter_context(open_sink(self))
            self._environment[URL_VARIABLE] = self.sink.base_url
            yield self

    @property
    def postgres_pid(self) -> int:
        """The postmaster, whose children are all of Postgres."""
        return int((self.settings.home / "postgres" / "postmaster.pid").read_text().split()[0])

    def python(self, name: str, *arguments: str) -> Program:
        """A Python process on this stand. `name` names its log."""
        return Program([sys.executable, *arguments], self._environment, self.directory / f"{name}.log")

    def broadcaster(self, *arguments: str) -> Program:
        """A command of Broadcaster's on this stand."""
        return self.python(arguments[0], "-m", "broadcaster", *arguments)

    @contextmanager
    def workers(self, count: int) -> Iterator[list[int]]:
        """Ready workers and a beat; the pids of the workers."""
        with ExitStack() as stack:
            programs = [stack.enter_context(self.broadcaster("worker")) for _ in range(count)]
            self.await_workers(programs)
            stack.enter_context(self.broadcaster("beat"))
            yield [each.pid for each in programs]

    def await_workers(self, programs: list[Program]) -> None:
        """Return once as many Celery workers answer as `programs` has."""
        app = Celery(broker=self.settings.broker_url)
        # A connection of its own: Celery's pools outlive the servers of a stand, and are shared by URL.
        with app.connection() as connection:
            wait_until(
                lambda: (
                    len(app.control.ping(timeout=0.2, limit=len(programs), connection=connection)) == len(programs)
                ),
                *programs,
            )

    def nudge(self) -> None:
        """What commands do for the workers to look now instead of at the next tick."""
        app = Celery(broker=self.settings.broker_url)
        with app.connection() as connection:
            for tick in ("broadcaster.lifecycle", "broadcaster.dispatch"):
                app.send_task(tick, queue="ticks", ignore_result=True, connection=connection)

    @cached_property
    def redis(self) -> Redis:
        """A client of the stand's Redis."""
        return Redis(unix_socket_path=str(self.settings.run_dir / "redis.sock"))

    def moments(self) -> Moments:
        """When requests came in, where the sink is a `recording` one."""
        assert isinstance(self.sink, Recorder)
        return self.sink.moments()

    def execute(self, statement: str, **parameters: object) -> None:
        """One statement in a transaction of its own."""
        with transaction(self.engine) as connection:
            connection.execute(text(statement), parameters)

    def scalar(self, statement: str, **parameters: object) -> Any:
        """The first column of the first row."""
        with transaction(self.engine) as connection:
            return connection.execute(text(statement), parameters).scalar_one()

    def rows(self, statement: str, **parameters: object) -> list[tuple[Any, ...]]:
        """All rows."""
        with transaction(self.engine) as connection:
            return [tuple(row) for row in connection.execute(text(statement), parameters)]

    def vacuum(self) -> None:
        """Leave nothing to do to autovacuum, and current statistics to the planner."""
        with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM (ANALYZE)"))


def light(stand: Stand) -> AbstractContextManager[Sink]:
    """nginx, or where there is none the recorder."""
    program = _nginx()
    return recording(stand) if program is None else nginx.start(program, stand.directory / "nginx")


@contextmanager
def recording(stand: Stand) -> Iterator[Recorder]:
    """A sink that gives a stand `moments`."""
    port_file = stand.directory / "recorder.port"
    with stand.python("recorder", "-m", "benchmarks.recorder", str(port_file)) as process:
        wait_until(port_file.exists, process)
        yield Recorder(int(port_file.read_text()), process.pid)


@cache
def _nginx() -> str | None:
    program = nginx.installed()
    if program is None:
        print("nginx is not installed: a Python sink stands in for it, at about 40 µs a request", flush=True)
    return program


@contextmanager
def open_stand(
    open_sink: Callable[[Stand], AbstractContextManager[Sink]] = light, **variables: str
) -> Iterator[Stand]:
    """A stand in a new temporary directory."""
    with temporary_directory() as directory, Stand(directory, **variables).opened(open_sink) as stand:
        yield stand


@contextmanager
def temporary_directory() -> Iterator[Path]:
    """One that the account of root's servers can pass through."""
    with tempfile.TemporaryDirectory(prefix="broadcaster-bench-") as path:
        directory = Path(path)
        directory.chmod(0o711)
        yield directory


def stand_environment(home: Path) -> Mapping[str, str]:
    """Every setting at its default, whatever this process's environment says, but `home` and free ports."""
    # An empty variable counts as unset, and wins over a .env file.
    defaults = {PREFIX + name.upper(): "" for name in Settings.__struct_fields__}
    ports = {f"{PREFIX}{role}_PORT": str(nginx.free_port()) for role in ("FLOWER", "WEB")}
    return defaults | {f"{PREFIX}HOME": str(home)} | ports
