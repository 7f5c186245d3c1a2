"""The command line as a real process."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import msgspec


@dataclass(frozen=True)
class CliResult:
    """What a command left behind."""

    code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        """The document on stdout."""
        return msgspec.json.decode(self.stdout)


class RunCli(Protocol):
    """Runs `broadcaster *args` in the test's environment, over which `environ` goes (None removes a variable)."""

    def __call__(
        self,
        *args: str | Path,
        stdin: str | bytes = b"",
        environ: Mapping[str, str | None] | None = None,
        timeout: float = 60,
    ) -> CliResult: ...


def command(*args: str | Path) -> list[str]:
    """The argv of `broadcaster *args`."""
    return [sys.executable, "-m", "broadcaster", *map(str, args)]


def celery(*args: str | Path) -> list[str]:
    """The argv of `celery -A broadcaster *args`."""
    return [str(Path(sys.executable).with_name("celery")), "-A", "broadcaster", *map(str, args)]


def run(args: list[str], *, cwd: Path, environ: Mapping[str, str], stdin: bytes, timeout: float) -> CliResult:
    """Run a command to its end."""
    done = subprocess.run(args, cwd=cwd, env=environ, input=stdin, capture_output=True, timeout=timeout, check=False)
    return CliResult(done.returncode, done.stdout.decode(), done.stderr.decode())


def assert_refused(result: CliResult, *said: str, code: int = 1) -> None:
    """The command ended with `code` and nothing but one line on stderr, which holds all of `said`."""
    assert result.stderr.startswith("error: "), result
    assert result.stderr.count("\n") == 1, result.stderr
    assert result.stderr.endswith("\n")
    assert "Traceback" not in result.stderr
    assert "bug in broadcaster" not in result.stderr, result.stderr
    assert [text for text in said if text not in result.stderr] == [], result.stderr
    assert (result.code, result.stdout) == (code, "")


def assert_done(result: CliResult) -> CliResult:
    """The command succeeded and had nothing to complain about."""
    assert (result.code, result.stderr) == (0, ""), result
    return result


def add_fast_instances(run_cli: RunCli, base_url: str, *names: str) -> None:
    """Instances at 100 a second each."""
    for name in names:
        add = ("instance", "add", name, "--key", f"k{name}", "--rate", "100/s", "--base-url", base_url)
        assert_done(run_cli(*add))
