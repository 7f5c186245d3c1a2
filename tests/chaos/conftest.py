"""Servers to break, a stack to break them under, and the table of what was found."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from broadcaster.db.engine import open_engine
from broadcaster.settings import load
from tests.support.chaos import VARIABLES, BreakableServers, Chaos, Finding, breakable_servers, publish, table
from tests.support.servers import clean_environment
from tests.support.shop import open_shop
from tests.support.stack import running_stack

_findings: list[Finding] = []


@pytest.fixture(scope="session")
def breakable() -> Iterator[BreakableServers]:
    with breakable_servers() as servers:
        yield servers


@pytest.fixture
def chaos(request: pytest.FixtureRequest, breakable: BreakableServers, tmp_path: Path) -> Iterator[Chaos]:
    full = request.node.get_closest_marker("chaos") is not None
    for server in (breakable.postgres, breakable.redis):
        server.revive()
    with breakable.databases.environment() as variables:
        environ = {**clean_environment(), **variables, **VARIABLES, "BROADCASTER_HOME": str(tmp_path / "home")}
        settings = load(environ, dotenv=None)
        engine = open_engine(settings)
        try:
            with open_shop(engine, settings) as shop, running_stack(tmp_path, environ) as stack:
                yield Chaos(shop, stack, breakable, environ, _findings, full)
        finally:
            engine.dispose()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if not _findings:
        return
    terminalreporter.write_sep("=", "fault matrix")
    terminalreporter.write_line(table(_findings))
    stats = terminalreporter.stats
    narrowed = config.option.keyword or not all(Path(argument).is_dir() for argument in config.args)
    is_whole = config.option.markexpr == "chaos" and not narrowed
    if is_whole and not stats.get("failed") and not stats.get("error") and len(stats["passed"]) == len(_findings):
        publish(_findings)
