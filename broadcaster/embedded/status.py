"""The state of the stack: the supervisor writes it to `home/up.json`, and others read it."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum

import msgspec

from broadcaster.embedded.home import Home
from broadcaster.embedded.own_files import write_private
from broadcaster.embedded.process_id import ProcessId
from broadcaster.errors import UnavailableError
from broadcaster.settings import Settings


class RoleState(StrEnum):
    """Where one role stands."""

    STARTING = "starting"
    READY = "ready"
    NOT_ANSWERING = "not_answering"
    """It was ready but does not answer now. If that lasts, it is ended."""
    BACKING_OFF = "backing_off"
    """It ended and will be restarted after a pause."""
    STOPPING = "stopping"
    STOPPED = "stopped"


class StackState(StrEnum):
    """Where the whole stack stands."""

    STOPPED = "stopped"
    STARTING = "starting"
    READY = "ready"
    """Every role is ready."""
    DEGRADED = "degraded"
    """It was ready, but some role is being restarted."""
    STOPPING = "stopping"
    LOST = "lost"
    """Its supervisor was killed. The next `up` or `down` takes over what it left behind."""


class RoleStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One role at its last change of state."""

    name: str
    state: RoleState
    process: ProcessId | None = None
    since: datetime
    """When it entered this state."""
    restarts: int = 0
    last_exit: str | None = None
    """How its last process ended, such as 'exited with code 1'."""


class StackStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The stack of one home."""

    state: StackState
    process: ProcessId | None = None
    """The supervisor."""
    started_at: datetime | None = None
    roles: tuple[RoleStatus, ...] = ()

    @property
    def is_up(self) -> bool:
        """Whether all roles were ready once, so that they are restarted when they end."""
        return self.state in (StackState.READY, StackState.DEGRADED)

    @property
    def settled_seconds(self) -> float | None:
        """Seconds since a role last became ready; None while none is."""
        moments = [role.since for role in self.roles if role.state is RoleState.READY]
        return (datetime.now(UTC) - max(moments)).total_seconds() if moments else None


def read_status(settings: Settings) -> StackStatus:
    """How the stack of `settings.home` is doing now.

    Raises UnavailableError if this user may not read it.
    """
    path = settings.home / "up.json"
    try:
        status = msgspec.json.decode(path.read_bytes(), type=StackStatus)
    except FileNotFoundError:
        return StackStatus(state=StackState.STOPPED)
    except (OSError, msgspec.DecodeError) as error:
        raise UnavailableError(f"cannot read {path}: {error}") from None
    if status.process is not None and status.process.is_alive():
        return status
    roles = tuple(
        role
        if role.process is not None and role.process.is_alive()
        else msgspec.structs.replace(role, state=RoleState.STOPPED, process=None)
        for role in status.roles
    )
    return msgspec.structs.replace(status, state=StackState.LOST, process=None, roles=roles)


def write_status(home: Home, status: StackStatus) -> None:
    """Replace `home/up.json`, whole or not at all."""
    write_private(home.state, msgspec.json.encode(status).decode())
