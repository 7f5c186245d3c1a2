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


def run(args: list[str], *, cwd: Path, environ: Mapping[str, str], stdin: bytes, timeout: float) -> CliResult:
    """Run a command to its end."""
    done = subprocess.run(args, cwd=cwd, env=environ, input=stdin, capture_output=True, timeout=timeout, check=False)
    return CliResult(done.returncode, done.stdout.decode(), done.stderr.decode())
