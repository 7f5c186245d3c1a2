"""The one-command stack: servers and roles under one supervisor, in the foreground or detached."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from broadcaster.embedded.home import Home, check_the_way, give_to_account, hold, home_of, prepare_home
from broadcaster.embedded.launch import Spec
from broadcaster.embedded.process_id import ProcessId
from broadcaster.embedded.role import Role, end_left_behind, launcher, log_path
from broadcaster.embedded.role_logs import open_log, read_last_line, rotate_own_output
from broadcaster.embedded.servers import server_roles
from broadcaster.embedded.status import RoleState, RoleStatus, StackState, StackStatus, read_status, write_status
from broadcaster.embedded.stop_signals import StopSignals
from broadcaster.embedded.supervisor import Supervisor
from broadcaster.errors import ConflictError, UnavailableError
from broadcaster.settings import Settings

_POLL_SECONDS = 0.02


class _Spawned(msgspec.Struct, frozen=True):
    process: ProcessId


class _Board:
    """Keeps `home/up.json` up to date."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._process = ProcessId.of(os.getpid())
        self._started_at = datetime.now(UTC)
        self._phase = StackState.STARTING
        self._roles: tuple[RoleStatus, ...] = ()

    def enter(self, phase: StackState) -> None:
        self._phase = phase
        self._write()

    def show(self, roles: Sequence[RoleStatus]) -> None:
        self._roles = tuple(roles)
        self._write()

    def clear(self) -> None:
        self._home.state.unlink(missing_ok=True)

    def _write(self) -> None:
        state = self._phase
        if state is StackState.READY and any(role.state is not RoleState.READY for role in self._roles):
            state = StackState.DEGRADED
        status = StackStatus(state=state, process=self._process, started_at=self._started_at, roles=self._roles)
        # A full disk must not stop the stack.
        with suppress(OSError):
            write_status(self._home, status)


def run_stack(
    settings: Settings,
    roles: Sequence[Role],
    report: Callable[[str], None],
    before_roles: Callable[[], None] | None = None,
    when_ready: Callable[[], None] | None = None,
) -> None:
    """Run the embedded servers and `roles` until SIGINT, SIGTERM or SIGHUP; then stop the roles, then the servers.

    The servers start first. Once they answer, `before_roles` is called (for migrations), then the roles start in
    order. Once all are ready, `when_ready` is called. Whatever ends after that is restarted. `report` gets one line
    for each event. While it stops, each further signal kills the role that it waits for. For the main thread only.

    Raises ConflictError if another process holds the home, SettingsError or UnavailableError if the servers or one
    of the roles cannot be started; then nothing is left running.
    """
    home = prepare_home(settings)

    def tell(line: str) -> None:
        with suppress(OSError):  # nobody reads any more: the pipe or terminal is closed
            report(line)
        rotate_own_output(log_path(home, "up"))

    with hold(home), StopSignals() as signals:
        for record in end_left_behind(home):
            tell(f"{record.name}: stopped (pid {record.process.pid}, left by a supervisor that was killed)")
        give_to_account(home)
        board = _Board(home)
        supervisor = Supervisor(home, report=tell, wait=signals.wait, changed=board.show)
        try:
            board.enter(StackState.STARTING)
            supervisor.start(server_roles(settings, home))
            if before_roles is not None:
                with signals.interrupting():
                    before_roles()
            supervisor.start(roles)
            board.enter(StackState.READY)
            if when_ready is not None:
                when_ready()
            supervisor.watch()
        except KeyboardInterrupt:
            tell("stopping")
        finally:
            board.enter(StackState.STOPPING)
            supervisor.stop()
            board.clear()


def stop_stack(settings: Settings, timeout: float) -> bool:
    """Stop the stack of `settings.home`, cleanly; False if there was none.

    Also stops what a killed supervisor left running.

    Raises UnavailableError if the stack has not stopped after `timeout` seconds or belongs to another user,
    ConflictError if a process other than a stack holds the home.
    """
    home = home_of(settings)
    check_the_way(home)
    status = read_status(settings)
    if status.process is not None:
        pid = status.process.pid
        try:
            status.process.send(signal.SIGTERM)
        except PermissionError:
            raise UnavailableError(f"process {pid} is another user's: stop it as that user or as root") from None
        if not status.process.wait_gone(timeout):
            raise UnavailableError(f"process {pid} has not stopped within {timeout:g} s; it is still at it")
    if not home.lock.exists():
        return False
    with hold(home):
        left = end_left_behind(home)
        home.state.unlink(missing_ok=True)
    return bool(left) or status.state is not StackState.STOPPED


def spawn_detached(
    settings: Settings, argv: Sequence[str], env: Mapping[str, str] | None = None, timeout: float = 120.0
) -> StackStatus:
    """Run `argv` as a daemon and return once its roles are ready. It must call `run_stack` for the same home.

    It has its own session, no terminal, `/` as its directory, and `env` (None: this process's) as its whole
    environment. It writes to `home/logs/up.log`.

    Raises ConflictError if the stack runs already. Raises UnavailableError with its last line if it ends before it is
    ready, and also if it is not ready after `timeout` seconds (then it goes on starting).
    """
    found = read_status(settings)
    running = found.process
    if running is not None:
        ailing = "".join(f"; {role.name} is {role.state}" for role in found.roles if role.state is not RoleState.READY)
        raise ConflictError(
            f"already up: process {running.pid} holds {settings.home}{ailing} (`broadcaster down` stops it)"
        )
    home = prepare_home(settings)
    record = home.root / "spawned.json"
    record.unlink(missing_ok=True)
    log_start = _daemonize(home, argv, env, record)
    log = log_path(home, "up")
    process: ProcessId | None = None
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        status = read_status(settings)
        if status.is_up:
            record.unlink(missing_ok=True)
            return status
        if process is None and record.exists():
            process = msgspec.json.decode(record.read_bytes(), type=_Spawned).process
            record.unlink()
        if process is not None and not process.is_alive():
            raise UnavailableError(read_last_line(log, log_start) or f"it ended without a word (its log: {log})")
        time.sleep(_POLL_SECONDS)
    raise UnavailableError(f"not ready after {timeout:g} s, still starting (its log: {log})")


def _daemonize(home: Home, argv: Sequence[str], env: Mapping[str, str] | None, record: Path) -> int:
    """Start `argv` as a child of init. Returns the size of its log before it wrote anything."""
    spec = Spec(argv=list(argv), record_path=str(record), record={}, detach=True)
    with open_log(log_path(home, "up")) as log:
        start = log.tell()
        subprocess.run(
            launcher(spec),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=env,
            cwd="/",
            start_new_session=True,
            check=True,
        )
    return start
