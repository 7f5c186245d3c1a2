"""A program that belongs to the stack, and one running process of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import msgspec

from broadcaster.embedded import launch
from broadcaster.embedded.account import ServerAccount
from broadcaster.embedded.home import Home
from broadcaster.embedded.process_id import ProcessId
from broadcaster.embedded.role_logs import LogPump, RotatedFile
from broadcaster.errors import UnavailableError


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """What to run, and how to start and stop it."""

    name: str
    """Used for its log file, its lines in the report and its entry in the status."""
    argv: Sequence[str]
    """The program and its arguments. Anybody can see them in `ps`: never a secret."""
    env: Mapping[str, str] | None = field(default=None, repr=False)
    """Its whole environment; None: this process's."""
    ready: Callable[[], bool] | None = None
    """Asks whether it works by now. It is polled, so it must answer at once. An OSError means no. None: always yes."""
    ready_timeout: float = 60.0
    """A process that is not ready after this many seconds is given up."""
    answers: Callable[[], bool] | None = None
    """Asks whether a ready process still works, every few seconds; the answer may take one second. If it is no for
    long, the process is restarted. An OSError means no. None: always yes."""
    stop_signal: int = signal.SIGTERM
    stop_timeout: float = 30.0
    """Seconds that it has to stop before it is killed."""
    abort_signal: int = signal.SIGKILL
    """The signal after `stop_signal` for a process that does not answer."""
    death_signal: int = signal.SIGKILL
    """The signal that the kernel sends it when its supervisor dies (Linux)."""
    passed: Sequence[int] = ()
    """Descriptors that it inherits, under the same numbers."""
    account: ServerAccount | None = None
    """The account that it runs as; None: this process's user."""
    prepare: Callable[[], Mapping[str, str]] | None = None
    """Called before each start, restarts included. Returns variables to add to `env`."""


class Record(msgspec.Struct, frozen=True):
    """The record of a process that was started under a home. It stays on disk until the process has ended."""

    process: ProcessId
    name: str
    stop_signal: int
    stop_timeout: float


class Child:
    """A running process of a role. It leads a session and a process group of its own."""

    def __init__(self, role: Role, process: subprocess.Popen[bytes], home: Home, log: RotatedFile) -> None:
        self.role = role
        self.pid = process.pid
        self._process = process
        assert process.stdout is not None
        self._log = LogPump(process.stdout, log)
        self._log.start()
        self._record = record_path(home, role.name)

    @classmethod
    def start(cls, home: Home, role: Role) -> Self:
        """Start `role` with its output in its log. Returns at once; it need not be ready yet.

        On Linux it ends together with this process, however that ends. This works only from the main thread, because
        the kernel watches the thread that asks.
        """
        added = {} if role.prepare is None else role.prepare()
        bound = threading.current_thread() is threading.main_thread()
        record = {"name": role.name, "stop_signal": int(role.stop_signal), "stop_timeout": role.stop_timeout}
        spec = launch.Spec(
            argv=list(role.argv),
            record_path=str(record_path(home, role.name)),
            record=record,
            account=None if role.account is None else (role.account.uid, role.account.gid),
            death_signal=int(role.death_signal) if bound else None,
            parent=os.getpid(),
        )
        log = RotatedFile(log_path(home, role.name))
        try:
            process = subprocess.Popen(
                launcher(spec),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env={**(os.environ if role.env is None else role.env), **added},
                cwd="/",  # the caller's directory must not matter
                pass_fds=tuple(role.passed),
                start_new_session=True,
            )
        except BaseException:
            log.close()
            raise
        return cls(role, process, home, log)

    def poll(self) -> int | None:
        """Its exit code (negative: the signal that ended it); None: it runs. Kills what it left in its group."""
        if self._process.returncode is None:
            self._end_group_of_zombie()
            if self._process.poll() is not None:
                self._record.unlink(missing_ok=True)
        return self._process.returncode

    def send(self, signum: int) -> None:
        """Signal it, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, signum)

    def kill(self) -> None:
        """Kill it and everything in its group."""
        if self._process.returncode is None:
            # Until it is reaped, no other process or group can have its number.
            os.killpg(self.pid, signal.SIGKILL)

    def last_line(self) -> str:
        """The last line that this process wrote to its log, or ''."""
        return self._log.last_line()

    def _end_group_of_zombie(self) -> None:
        """Kill what an ended process left in its group, while its zombie still keeps the number from others."""
        if launch.LINUX and os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
            os.killpg(self.pid, signal.SIGKILL)


def server_environment() -> dict[str, str]:
    """The environment of the servers, without this process's secrets and locale."""
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    return {"PATH": os.defpath, **kept, "LC_ALL": "C"}


def launcher(spec: launch.Spec) -> list[str]:
    """The command that runs launch.py with `spec`."""
    return [sys.executable, "-I", "-S", launch.__file__, json.dumps(spec)]


def record_path(home: Home, name: str) -> Path:
    return home.processes / f"{name}.json"


def log_path(home: Home, name: str) -> Path:
    return home.logs / f"{name}.log"


def processes_left_behind(home: Home) -> list[Record]:
    """The processes of an earlier supervisor of `home` that still run."""
    records = []
    for path in home.processes.glob("*.json"):
        try:
            record = msgspec.json.decode(path.read_bytes(), type=Record)
        except (FileNotFoundError, msgspec.DecodeError):
            continue
        if record.process.is_alive():
            records.append(record)
    return records


def end_left_behind(home: Home) -> list[Record]:
    """Stop what `processes_left_behind` finds, cleanly if possible, and return it. The caller must hold `home`."""
    records = processes_left_behind(home)
    try:
        for record in records:
            record.process.send(record.stop_signal)
        for record in records:
            if not record.process.wait_gone(record.stop_timeout):
                record.process.kill()
        for path in home.processes.glob("*.json"):
            path.unlink()
    except PermissionError:
        raise UnavailableError(
            f"{record.name} (process {record.process.pid}) still runs for {home.root} and belongs to another "
            "user: stop it as that user or as root"
        ) from None
    return records
