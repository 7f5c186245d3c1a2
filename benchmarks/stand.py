"""The test stand: Postgres and Redis of this run's own, workers on them, and a sink in the gateway's place."""

from __future__ import annotations

import os
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from celery import Celery
from sqlalchemy import Engine, text

from benchmarks.processes import BenchmarkError, Program
from benchmarks.sink import URL_VARIABLE, SinkClient
from broadcaster.crypto import Vault, open_vault
from broadcaster.db.engine import open_engine, transaction
from broadcaster.db.migrate import upgrade
from broadcaster.embedded import start_servers
from broadcaster.settings import PREFIX, Settings, load

_WAIT_SECONDS = 300.0


class Stand:
    """What a figure is measured on. Made by `open_stand`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        environment = stand_environment(directory / "home")
        self.settings: Settings = load(environment, dotenv=None)
        self.vault: Vault
        self.engine: Engine
        self.sink: SinkClient
        self.sink_pid: int
        self._environment = {**os.environ, **environment}

    @contextmanager
    def opened(self) -> Iterator[Stand]:
        """Servers, schema and sink, until the end of the block."""
        with ExitStack() as stack:
            stack.enter_context(start_servers(self.settings))
            self.engine = open_engine(self.settings)
            stack.callback(self.engine.dispose)
            upgrade(self.engine)
            self.vault = open_vault(self.settings)
            port_file = self.directory / "sink.port"
            port_file.unlink(missing_ok=True)
            sink = stack.enter_context(self.python("sink", "-m", "benchmarks.sink", str(port_file)))
            wait_until(port_file.exists, sink)
            self.sink = SinkClient(int(port_file.read_text()))
            self.sink_pid = sink.pid
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

    def execute(self, statement: str, **parameters: object) -> None:
        """One statement in a transaction of its own."""
        with transaction(self.engine) as connection:
            connection.execute(text(statement), parameters)

    def scalar(self, statement: str, **parameters: object) -> object:
        """The first column of the first row."""
        with transaction(self.engine) as connection:
            return connection.execute(text(statement), parameters).scalar_one()


@contextmanager
def open_stand() -> Iterator[Stand]:
    """A stand in a new temporary directory."""
    with temporary_directory() as directory, Stand(directory).opened() as stand:
        yield stand


@contextmanager
def temporary_directory() -> Iterator[Path]:
    """One that the account of root's servers can pass through."""
    with tempfile.TemporaryDirectory(prefix="broadcaster-bench-") as path:
        directory = Path(path)
        directory.chmod(0o711)
        yield directory


def stand_environment(home: Path) -> dict[str, str]:
    """Every setting at its default, whatever this process's environment says, but `home` and a free port."""
    # An empty variable counts as unset, and wins over a .env file.
    defaults = {PREFIX + name.upper(): "" for name in Settings.__struct_fields__}
    return defaults | {f"{PREFIX}HOME": str(home), f"{PREFIX}FLOWER_PORT": str(_free_port())}


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def wait_until(condition: Callable[[], bool], *programs: Program, every: float = 0.02) -> None:
    """Poll `condition` every so many seconds. Raises BenchmarkError if one of `programs` ends, or never."""
    deadline = time.monotonic() + _WAIT_SECONDS
    while not condition():
        for program in programs:
            program.check()
        if time.monotonic() > deadline:
            raise BenchmarkError(f"still not so after {_WAIT_SECONDS:g} s: {condition}")
        time.sleep(every)
