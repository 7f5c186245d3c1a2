"""What all tests share: servers once per session, and per test a database, an engine, a command line, a gateway."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path

import hypothesis
import pytest
from sqlalchemy import Engine

from broadcaster.db.engine import open_engine
from broadcaster.settings import Settings, load
from broadcaster.simulator import Simulator, background
from tests.support.cli import CliResult, RunCli
from tests.support.cli_processes import CliProcesses
from tests.support.database import as_owner
from tests.support.servers import TestServers, clean_environment, running_servers

# How long an example takes says how busy the machine is, and nothing about the code.
hypothesis.settings.register_profile("any machine", deadline=None)
hypothesis.settings.load_profile("any machine")


# What a shell starts in the background ignores Ctrl-C, and would pass that on to the commands under test.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
# Those who run tests side by side are told the width of a terminal; here nobody draws on one.
os.environ.pop("COLUMNS", None)
# To compile all modules anew takes half of the time in which tests are collected, and a fifth of a worker's start.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False


@pytest.fixture(scope="session")
def servers() -> Iterator[TestServers]:
    """Postgres and Redis, started when the first test wants them."""
    with running_servers() as running:
        yield running


@pytest.fixture
def environ(servers: TestServers) -> Iterator[dict[str, str]]:
    """The environment of a process that works on this test's database; the test may change it."""
    with servers.environment() as variables:
        yield clean_environment() | variables


@pytest.fixture
def settings(environ: Mapping[str, str]) -> Settings:
    """The settings that `environ` stands for."""
    return load(environ, dotenv=None)


@pytest.fixture
def engine(settings: Settings) -> Iterator[Engine]:
    """On this test's database, as the role that commands and workers are."""
    opened = open_engine(settings)
    yield opened
    opened.dispose()


@pytest.fixture
def owner(engine: Engine) -> Engine:
    """On this test's database, as the owner of its schema: for what a test makes of the tables itself."""
    return as_owner(engine)


@pytest.fixture(scope="session")
def cli_processes() -> Iterator[CliProcesses]:
    """Processes of the command line that have imported everything already."""
    with closing(CliProcesses()) as processes:
        yield processes


@pytest.fixture
def run_cli(environ: dict[str, str], tmp_path: Path, cli_processes: CliProcesses) -> RunCli:
    """Runs the command line as a real process in `tmp_path`."""

    def run_command(
        *args: str | Path,
        stdin: str | bytes = b"",
        environ: Mapping[str, str | None] | None = None,
        timeout: float = 60,
        _base: dict[str, str] = environ,
    ) -> CliResult:
        assert not any(name.startswith("PYTHON") for name in environ or {}), "read at start: run `command` instead"
        changed = {**_base, **(environ or {})}
        return cli_processes.run(
            [str(each) for each in args],
            cwd=tmp_path,
            environ={name: value for name, value in changed.items() if value is not None},
            stdin=stdin.encode() if isinstance(stdin, str) else stdin,
            timeout=timeout,
        )

    return run_command


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    """A gateway that takes any key, in a thread of this process."""
    with background() as running:
        yield running
