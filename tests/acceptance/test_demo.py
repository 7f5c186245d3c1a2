"""`broadcaster demo`, the first thing that anybody runs."""

from __future__ import annotations

import re
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from broadcaster.embedded.process_id import ProcessId
from broadcaster.settings import Settings
from tests.support.cli import CliResult, command, run
from tests.support.servers import clean_environment

FLOWER_PORT = Settings(home=Path()).flower_port
"""Which the demo takes unless it is taken."""


@pytest.fixture
def directory() -> Iterator[Path]:
    """Where the demo makes its own directories; the servers' account can pass through."""
    made = Path(tempfile.mkdtemp(prefix="broadcaster-test-", dir="/tmp"))
    made.chmod(0o711)
    yield made
    shutil.rmtree(made)


@pytest.fixture
def environ(directory: Path) -> dict[str, str]:
    """With settings of somebody's production, which the demo must not touch."""
    return {
        **clean_environment(),
        "TMPDIR": str(directory),
        "BROADCASTER_DATABASE_URL": "postgresql://production/x",
        "BROADCASTER_REDIS_URL": "redis://production",
        "BROADCASTER_HOME": "/nowhere",
    }


def demo(environ: dict[str, str], cwd: Path) -> CliResult:
    return run(command("demo"), cwd=cwd, environ=environ, stdin=b"", timeout=120)


def test_the_demo_balances_its_books_and_leaves_nothing_behind(
    environ: dict[str, str], directory: Path, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("BROADCASTER_SECRET_KEY=unusable\nBROADCASTER_LOG_LEVEL=NONSENSE\n")
    result = demo(environ, tmp_path)
    assert (result.code, result.stderr) == (0, ""), result
    assert "276 planned = 276 sent" in result.stdout
    for claim in ("nothing lost", "nothing doubled", "books agree"):
        assert any(line.split()[:3] == [*claim.split(), "yes"] for line in result.stdout.splitlines()), result.stdout
    assert list(directory.iterdir()) == []


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_demo_stops_what_it_started_and_leaves_nothing_behind(
    environ: dict[str, str], directory: Path, tmp_path: Path, signum: signal.Signals
) -> None:
    with subprocess.Popen(command("demo"), cwd=tmp_path, env=environ, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        next(line for line in process.stdout if " of 240" in line)
        [home] = directory.iterdir()
        records = list((home / "processes").glob("*.json"))
        children = [ProcessId.of(int(pid)) for pid in children_of(process.pid)]
        process.send_signal(signum)
        process.stdout.read()
    assert process.returncode == 130
    assert len(records) == 5
    assert len(children) == 5
    assert not any(child is not None and child.is_alive() for child in children)
    assert list(directory.iterdir()) == []


def test_two_demos_at_once_beside_a_used_port_balance_their_books(environ: dict[str, str], tmp_path: Path) -> None:
    with ExitStack() as stack:
        with suppress(OSError):  # in use already
            stack.enter_context(socket.create_server(("127.0.0.1", FLOWER_PORT)))
        demos = [
            stack.enter_context(
                subprocess.Popen(command("demo"), cwd=tmp_path, env=environ, stdout=subprocess.PIPE, text=True)
            )
            for _ in range(2)
        ]
        told = [demo.communicate(timeout=180)[0] for demo in demos]
    assert [demo.returncode for demo in demos] == [0, 0], told
    ports = {match[1] for text in told if (match := re.search(r"http://127\.0\.0\.1:(\d+)/\n", text))}
    assert len(ports - {str(FLOWER_PORT)}) == 2, told


def children_of(pid: int) -> list[str]:
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return [child for task in tasks for child in (task / "children").read_text().split()]
