"""Postgres and Redis for one process, such as a command or a test session."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from broadcaster.embedded import postgres_install, redis
from broadcaster.embedded.home import Home, give_to_account, hold, prepare_home
from broadcaster.embedded.postgres import postgres_role
from broadcaster.embedded.role import Role, end_left_behind
from broadcaster.embedded.status import RoleStatus
from broadcaster.embedded.supervisor import Supervisor
from broadcaster.settings import Settings


class Servers:
    """The embedded servers of one home, running until `stop` or the end of the `with` block."""

    def __init__(self, supervisor: Supervisor, cleanup: ExitStack) -> None:
        self._supervisor = supervisor
        self._cleanup = cleanup

    def add(self, roles: Sequence[Role]) -> None:
        """Start `roles` beside the servers. Returns when all are ready. They are stopped before the servers.

        Nothing watches them: a role that ends is not restarted.

        Raises UnavailableError if one of them ends before it is ready, or is not ready in time.
        """
        self._supervisor.start(roles)

    def stop(self) -> None:
        """Stop them cleanly and release the home. May be called more than once."""
        self._cleanup.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def server_roles(settings: Settings, home: Home) -> list[Role]:
    """The roles of the servers without a configured URL.

    Redis is first: it comes up while Postgres makes its cluster.

    Raises UnavailableError if the programs are not installed.
    """
    roles = []
    if settings.redis_url is None:
        roles.append(redis.redis_role(home, redis.find_program(home)))
    if settings.database_url is None:
        install = postgres_install.reachable(home, postgres_install.bundled())
        roles.append(postgres_role(home, install))
    return roles


def start_servers(settings: Settings) -> Servers:
    """Start the servers without a configured URL, and return when they answer.

    While they run, nobody else can start them on the same home. Processes of a killed predecessor are stopped first.
    On Linux they end with this process, however it ends, if the main thread started them. Elsewhere the next start
    stops them.

    Raises ConflictError if another process holds the home, SettingsError or UnavailableError if they cannot run
    there.
    """
    home = prepare_home(settings)
    with ExitStack() as cleanup:
        cleanup.enter_context(hold(home))
        end_left_behind(home)
        give_to_account(home)
        supervisor = Supervisor(home, report=_ignore_line, wait=_sleep, changed=_ignore_change)
        cleanup.callback(supervisor.stop)
        supervisor.start(server_roles(settings, home))
        return Servers(supervisor, cleanup.pop_all())


def _sleep(seconds: float | None) -> None:
    time.sleep(seconds or 0)


def _ignore_line(line: str) -> None:
    pass


def _ignore_change(roles: Sequence[RoleStatus]) -> None:
    pass
