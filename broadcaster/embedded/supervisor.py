"""Keeps roles running: starts them in order, restarts those that end, and stops them in reverse order.

One thread and one loop. The supervisor does not know what its roles do.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from broadcaster.embedded.home import Home
from broadcaster.embedded.process_id import ProcessId
from broadcaster.embedded.role import Child, Role, log_path
from broadcaster.embedded.status import RoleState, RoleStatus
from broadcaster.errors import BroadcasterError, UnavailableError

FIRST_DELAY = 0.5
LONGEST_DELAY = 30.0
PROVEN_SECONDS = 60.0
"""Seconds after which a process counts as running well: its next back-off starts from the beginning."""
ASK_SECONDS = 2.0
"""Seconds between two questions whether a ready process still answers."""
SILENT_SECONDS = 10.0
"""A process that has not answered for this many seconds is ended: it hangs, is stopped, or waits for clients to
leave."""
END_SECONDS = 10.0
"""Seconds that it then has to stop, and once more after its abort signal, before it is killed."""
_POLL_SECONDS = 0.01


def restart_delay(failures: int) -> float:
    """Seconds to wait before the next start after `failures` (at least 1) short lives in a row."""
    return min(FIRST_DELAY * 2.0 ** min(failures - 1, 30), LONGEST_DELAY)


def describe_exit(code: int) -> str:
    """'exited with code 1', or 'was ended by SIGKILL' for a negative code."""
    if code >= 0:
        return f"exited with code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"


@dataclass(slots=True)
class _Member:
    """One role under supervision."""

    role: Role
    batch: int
    """Roles started together are stopped together."""
    established: bool = False
    """Whether the stack has been up with it. From then on it is restarted; before that, its end is an error."""
    child: Child | None = None
    state: RoleState = RoleState.STOPPED
    since: datetime = field(default_factory=lambda: datetime.now(UTC))
    started: float = 0.0
    retry_at: float = 0.0
    stop_by: float = 0.0
    ask_at: float = 0.0
    silent_since: float | None = None
    """Since when it has not answered; None: it answers."""
    is_aborted: bool = False
    failures: int = 0
    restarts: int = 0
    last_exit: str | None = None

    def status(self) -> RoleStatus:
        process = None if self.child is None else ProcessId.of(self.child.pid)
        return RoleStatus(
            name=self.role.name,
            state=self.state,
            process=process,
            since=self.since,
            restarts=self.restarts,
            last_exit=self.last_exit,
        )


def _says_yes(question: Callable[[], bool] | None) -> bool:
    try:
        return question is None or question()
    except OSError:
        return False


_ASKED = (RoleState.READY, RoleState.NOT_ANSWERING)


class Supervisor:
    """The roles of one home.

    `report` gets one line for each event. `wait(seconds)` waits; None means until a child ends. It may raise
    KeyboardInterrupt, which ends `start` and `watch`. `changed` is called after every change of a role's state.
    """

    def __init__(
        self,
        home: Home,
        *,
        report: Callable[[str], None],
        wait: Callable[[float | None], None],
        changed: Callable[[Sequence[RoleStatus]], None],
    ) -> None:
        self._home = home
        self._report = report
        self._wait = wait
        self._changed = changed
        self._members: list[_Member] = []

    def start(self, roles: Sequence[Role]) -> None:
        """Start `roles` in order and return when all are ready.

        Raises UnavailableError if one of them ends first or is not ready in time. Roles that were started earlier stay
        supervised.
        """
        batch = self._members[-1].batch + 1 if self._members else 0
        new = [_Member(role, batch) for role in roles]
        for member in new:
            self._members.append(member)
            self._spawn(member)
        while True:
            pause = self._step()
            if all(member.state is RoleState.READY for member in new):
                break
            self._wait(pause)
        for member in new:
            member.established = True

    def watch(self) -> None:
        """Restart roles that end or no longer answer, until `wait` raises KeyboardInterrupt."""
        while True:
            self._wait(self._step())

    def stop(self) -> None:
        """Stop all roles: the last started first, those started together at the same time.

        A KeyboardInterrupt from `wait` kills the role that it waits for.
        """
        for batch in sorted({member.batch for member in self._members}, reverse=True):
            members = [member for member in reversed(self._members) if member.batch == batch]
            for member in members:
                self._ask_to_stop(member)
            for member in members:
                self._await_stop(member)
        self._members.clear()

    def _step(self) -> float | None:
        """Look at every role once. Returns seconds until the next look (None: until a child ends)."""
        pauses: list[float] = []
        for member in self._members:
            self._advance(member)
            if member.state in (RoleState.STARTING, RoleState.STOPPING):
                pauses.append(_POLL_SECONDS)
            elif member.state in _ASKED and member.role.answers is not None:
                pauses.append(max(0.0, member.ask_at - time.monotonic()))
            elif member.state is RoleState.BACKING_OFF:
                pauses.append(max(0.0, member.retry_at - time.monotonic()))
        return min(pauses, default=None)

    def _advance(self, member: _Member) -> None:
        child, role = member.child, member.role
        if child is None:
            if time.monotonic() >= member.retry_at:
                member.restarts += 1
                self._spawn(member)
            return
        code = child.poll()
        if code is not None:
            silent = "" if member.silent_since is None else "did not answer any more, and "
            self._ended(member, f"{silent}{describe_exit(code)}", child.last_line() if code > 0 else "")
        elif member.state is RoleState.STARTING:
            if _says_yes(role.ready):
                member.ask_at = time.monotonic() + ASK_SECONDS
                self._set(member, RoleState.READY)
                self._report(f"{role.name}: ready (pid {child.pid})")
            elif time.monotonic() - member.started > role.ready_timeout:
                self._kill(child)
                self._ended(member, f"was not ready within {role.ready_timeout:g} s", child.last_line())
        elif member.state is RoleState.STOPPING:
            self._hurry(member, child)
        elif member.established and time.monotonic() >= member.ask_at:
            self._ask(member, child)

    def _ask(self, member: _Member, child: Child) -> None:
        """Ask whether it still answers, and end it if it has not for long."""
        name = member.role.name
        answers = _says_yes(member.role.answers)
        now = time.monotonic()
        member.ask_at = now + ASK_SECONDS
        if answers:
            if member.silent_since is not None:
                member.silent_since = None
                self._set(member, RoleState.READY)
                self._report(f"{name}: answers again")
        elif member.silent_since is None:
            member.silent_since = now
            self._set(member, RoleState.NOT_ANSWERING)
            self._report(f"{name}: does not answer (pid {child.pid})")
        elif now - member.silent_since >= SILENT_SECONDS:
            self._report(f"{name}: has not answered for {SILENT_SECONDS:g} s; ending it")
            self._ask_to_stop(member)
            member.stop_by = now + END_SECONDS

    def _hurry(self, member: _Member, child: Child) -> None:
        """End a process that does not answer and has not stopped in time: first by its abort signal."""
        if time.monotonic() < member.stop_by:
            return
        if member.is_aborted or member.role.abort_signal == signal.SIGKILL:
            child.kill()
        else:
            child.send(member.role.abort_signal)
        member.is_aborted = True
        member.stop_by = time.monotonic() + END_SECONDS

    def _spawn(self, member: _Member) -> None:
        member.started = time.monotonic()
        try:
            member.child = Child.start(self._home, member.role)
        except (BroadcasterError, OSError) as error:
            if isinstance(error, BroadcasterError) and not member.established:
                self._members.remove(member)
                raise
            self._ended(member, "could not be started", str(error))
            return
        self._set(member, RoleState.STARTING)

    def _ended(self, member: _Member, how: str, reason: str) -> None:
        name = member.role.name
        member.child, member.last_exit = None, how
        member.silent_since, member.is_aborted = None, False
        if not member.established:
            self._set(member, RoleState.STOPPED)
            self._members.remove(member)
            why = f": {reason}" if reason else ""
            raise UnavailableError(f"{name} {how} while starting{why} (its log: {log_path(self._home, name)})")
        proven = time.monotonic() - member.started >= PROVEN_SECONDS
        member.failures = 1 if proven else member.failures + 1
        delay = restart_delay(member.failures)
        member.retry_at = time.monotonic() + delay
        self._set(member, RoleState.BACKING_OFF)
        self._report(f"{name}: {how}; restarting in {delay:g} s" + (f" ({reason})" if reason else ""))

    def _ask_to_stop(self, member: _Member) -> None:
        if member.child is not None:
            self._set(member, RoleState.STOPPING)
            member.child.send(member.role.stop_signal)
            member.child.send(signal.SIGCONT)  # a stopped process gets the signal only then
            member.stop_by = time.monotonic() + member.role.stop_timeout

    def _await_stop(self, member: _Member) -> None:
        child, role = member.child, member.role
        if child is not None:
            if not self._ends_by(child, member.stop_by):
                self._report(f"{role.name}: did not stop within {role.stop_timeout:g} s; killing it")
                self._kill(child)
            member.child = None
            self._report(f"{role.name}: stopped")
        self._set(member, RoleState.STOPPED)

    def _ends_by(self, child: Child, deadline: float) -> bool:
        while child.poll() is None:
            if time.monotonic() >= deadline:
                return False
            try:
                self._wait(_POLL_SECONDS)
            except KeyboardInterrupt:
                self._report(f"{child.role.name}: killed")
                child.kill()
        return True

    @staticmethod
    def _kill(child: Child) -> None:
        child.kill()
        while child.poll() is None:
            time.sleep(_POLL_SECONDS)

    def _set(self, member: _Member, state: RoleState) -> None:
        member.state, member.since = state, datetime.now(UTC)
        self._changed([each.status() for each in self._members])
