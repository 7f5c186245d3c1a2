"""Roles as real processes: workers and beat around a test's database."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

from tests.support.cli import command

READY = b"ready."
"""What a Celery worker says when it takes tasks."""


class Role:
    """One process of the stack. Its output goes to a file, which tells when it is ready."""

    def __init__(self, argv: list[str], log: Path, environ: Mapping[str, str]) -> None:
        self.log = log
        self._output: IO[bytes] = log.open("wb")
        self.process = subprocess.Popen(
            argv,
            env=environ,
            cwd=log.parent,
            stdout=self._output,
            stderr=subprocess.STDOUT,
        )

    def wait_until_ready(self) -> None:
        wait_for(lambda: READY in self.log.read_bytes() or self.process.poll() is not None, "the worker's start")
        assert self.process.poll() is None, self.log.read_text()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self, timeout: float = 40) -> int:
        """SIGTERM, once it has a way to end by it; returns the exit code."""
        wait_for(lambda: self._heeds_sigterm() or self.process.poll() is not None, "its handler of SIGTERM")
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout)

    def _heeds_sigterm(self) -> bool:
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="utf-8")
        caught = int(status.partition("SigCgt:")[2].split()[0], 16)
        return bool(caught & 1 << (signal.SIGTERM - 1))

    def close(self) -> None:
        if self.process.poll() is None:
            self.kill()
        self._output.close()


class Stack:
    """Starts roles and ends them all."""

    def __init__(self, directory: Path, environ: Mapping[str, str], roles: ExitStack) -> None:
        self._directory = directory
        self._environ = environ
        self._roles = roles
        self._count = 0

    def start(
        self,
        name: str,
        *options: str,
        ready: bool = True,
        by: Callable[..., list[str]] = command,
        program: Path | None = None,
        **variables: str,
    ) -> Role:
        """Start `broadcaster NAME`, or the Python file `program` in its place, with `variables` over the environment.

        `by` makes the argv, `options` included. A worker is ready on return, unless `ready` is false.
        """
        self._count += 1
        argv = by(name, *options) if program is None else [sys.executable, "-P", str(program), name]
        role = Role(argv, self._directory / f"{name}-{self._count}.log", {**self._environ, **variables})
        self._roles.callback(role.close)
        if name == "worker" and ready:
            role.wait_until_ready()
        return role


@contextmanager
def running_stack(directory: Path, environ: Mapping[str, str]) -> Iterator[Stack]:
    """A stack in `directory`, whose processes end with the block."""
    with ExitStack() as roles:
        yield Stack(directory, environ, roles)


def wait_for(condition: Callable[[], bool], what: str, timeout: float = 60) -> None:
    """Poll what only another process knows."""
    ends = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < ends, f"gave up waiting for {what} after {timeout} s"
        time.sleep(0.05)  # what other processes do tells nobody
