"""The bundled Postgres and Redis, and the one-command stack. A leaf: it knows the settings and the errors only.

Servers for one process, such as a test session. Only servers without a URL in the settings are started:

    with embedded.start_servers(settings):
        ...  # settings.postgres_url and settings.broker_url work here

The stack, which is those servers and whatever `Role`s the caller has, under a supervisor:

    embedded.run_stack(settings, [Role(name="worker", argv=[...]), ...], report=print, before_roles=migrate)
    embedded.spawn_detached(settings, [sys.executable, "-m", ...])  # a command that does that, as a daemon
    embedded.read_status(settings)                                  # StackStatus, from any process
    embedded.stop_stack(settings, timeout=90)                       # also what a killed supervisor left

One process at a time holds a home. On Linux everything it started ends with it, even if it is killed. The next holder
stops whatever is left, which it knows by pid and start time, never by name. Data survives all of that.

Modules: `home` (layout, lock) and `account` (the account of the servers); `launch` and `process_id` (how processes
start and are recognised); `role` (a program, a running child), `role_logs`, and `ready_notice` (how a child says that
it is ready); `postgres_install`, `postgres_cluster`, `postgres`, `redis`; `supervisor`, `stop_signals`, `status`;
`servers` and `stack` (the API).
"""

from broadcaster.embedded.postgres_cluster import runtime_password
from broadcaster.embedded.process_id import ProcessId
from broadcaster.embedded.ready_notice import ReadyNotice
from broadcaster.embedded.role import Role
from broadcaster.embedded.servers import Servers, start_servers
from broadcaster.embedded.stack import run_stack, spawn_detached, stop_stack
from broadcaster.embedded.status import RoleState, RoleStatus, StackState, StackStatus, read_status

__all__ = [
    "ProcessId",
    "ReadyNotice",
    "Role",
    "RoleState",
    "RoleStatus",
    "Servers",
    "StackState",
    "StackStatus",
    "read_status",
    "run_stack",
    "runtime_password",
    "spawn_detached",
    "start_servers",
    "stop_stack",
]
