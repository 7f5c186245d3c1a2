"""The bundled Postgres server: its configuration and the role that runs it."""

from __future__ import annotations

import signal
import socket
import struct
from collections.abc import Mapping
from pathlib import Path

from broadcaster.embedded import postgres_cluster
from broadcaster.embedded.home import Home
from broadcaster.embedded.launch import LINUX
from broadcaster.embedded.own_files import read_foreign, write_private
from broadcaster.embedded.postgres_install import Installation
from broadcaster.embedded.process_id import ProcessId
from broadcaster.embedded.role import Role, server_environment

_SOCKET = ".s.PGSQL.5432"
_OWN_CONFIG = "postgresql.local.conf"
_PROTOCOL_3 = 196608
_ANSWER_SECONDS = 1.0
_POSTMASTER_SECONDS = 60.0
_BACKEND_SECONDS = 5.0

# Rewritten at every start, so that an upgrade takes effect. Source: the Postgres 18 manual, chapters 19 (server
# configuration), 24 (routine vacuuming) and 28 (reliability and the write-ahead log).
_TUNING = """\
port = 5432
unix_socket_permissions = 0700
max_connections = 100

# A committed intent survives a power failure.
fsync = on
full_page_writes = on
synchronous_commit = on

shared_buffers = 256MB
work_mem = 16MB
maintenance_work_mem = 256MB

# Checkpoints far apart: after each, the first change of every page puts the whole page into the WAL.
wal_compression = on
wal_buffers = 16MB
min_wal_size = 256MB
max_wal_size = 3GB
checkpoint_timeout = 15min

# Solid state disks and short statements.
random_page_cost = 1.1
jit = off

# Messages, lanes and counters change many times a second.
autovacuum_naptime = 10s
autovacuum_vacuum_scale_factor = 0.05
autovacuum_analyze_scale_factor = 0.05
autovacuum_vacuum_insert_scale_factor = 0.1
autovacuum_vacuum_cost_delay = 1ms

timezone = 'UTC'
log_timezone = 'UTC'
log_line_prefix = '%m [%p] '
log_checkpoints = off
# The details of an error quote rows, which are personal.
log_error_verbosity = terse
"""


def postgres_role(home: Home, install: Installation) -> Role:
    """The role that runs the server of `home`; its first start makes the cluster."""
    config = f"config_file={_config_path(home)}"
    return Role(
        name="postgres",
        argv=[str(install.program("postgres")), "-D", str(home.postgres), "-c", config],
        env=server_environment(),
        account=home.account,
        prepare=lambda: _prepare(home, install),
        ready=lambda: _says(home.postgres, "ready") and asks_for_password(home.run_dir / _SOCKET),
        ready_timeout=600.0,  # to replay max_wal_size from a slow disk after a crash
        answers=lambda: not _says(home.postgres, "stopping") and bool(_first_answer(home.run_dir / _SOCKET)),
        stop_signal=signal.SIGINT,  # fast shutdown
        stop_timeout=60.0,
        abort_signal=signal.SIGQUIT,  # immediate shutdown
        death_signal=signal.SIGINT,
    )


def asks_for_password(path: Path) -> bool:
    """Whether a server on this socket answers the start of a session with an authentication request ('R').

    While it still recovers, or already shuts down, it answers with an error instead.
    """
    return _first_answer(path).startswith(b"R")


def _first_answer(path: Path) -> bytes:
    """A server's answer to the start of a session on this socket; nothing if it does not come in time."""
    parameters = f"user\0{postgres_cluster.OWNER}\0database\0{postgres_cluster.OWNER}\0\0".encode()
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(_ANSWER_SECONDS)
            connection.connect(str(path))
            connection.sendall(struct.pack("!ii", len(parameters) + 8, _PROTOCOL_3) + parameters)
            # Read the whole answer: closing with a part unread would look like a fault to the server.
            return connection.recv(1024)
    except OSError:
        return b""


def _says(cluster: Path, state: str) -> bool:
    """Whether the last line of postmaster.pid says that the server is `ready` or `stopping`, as pg_ctl reads it.

    Asking a starting server would fill its log with refusals. A killed server's file may say so too, but then there is
    no socket: it is removed before each start and made only after the file is rewritten.
    """
    try:
        return read_foreign(cluster / "postmaster.pid").rstrip().endswith(state)
    except FileNotFoundError:
        return False


def _prepare(home: Home, install: Installation) -> Mapping[str, str]:
    if not home.postgres.exists():
        postgres_cluster.create_cluster(home, install)
    postgres_cluster.check_version(home, install)
    environment = _survive_a_kill(home)
    if not home.pgpass.exists():
        postgres_cluster.reset_password(home, install, environment)
    if not home.runtime_pgpass.exists():
        postgres_cluster.reset_runtime_password(home, install, environment)
    write_private(_config_path(home), _config(home), mode=0o644)
    own = home.root / _OWN_CONFIG
    if not own.exists():
        write_private(own, "# Settings of your own. They win over Broadcaster's.\n", mode=0o644)
    return environment


def _survive_a_kill(home: Home) -> Mapping[str, str]:
    """Clear away what a killed server of `home` left. Returns variables that tell Postgres about it.

    The pid in its lock files may belong to another process by now, and then Postgres would refuse to start. Removing
    postmaster.pid would also remove the check that no backend still uses the shared memory. So Postgres is told to
    treat that pid as its launcher's (CreateLockFile in its miscinit.c), which keeps the check.
    """
    for name in (_SOCKET, f"{_SOCKET}.lock"):
        (home.run_dir / name).unlink(missing_ok=True)
    try:
        pid = abs(int(read_foreign(home.postgres / "postmaster.pid").split()[0]))
    except (FileNotFoundError, ValueError, IndexError):
        return {}
    _end_processes_of(home.postgres, pid)
    return {"PG_GRANDPARENT_PID": str(pid)}


def _end_processes_of(cluster: Path, postmaster: int) -> None:
    """End whatever still works on `cluster`: backends of a killed postmaster, or an unrecorded postmaster."""
    processes = _processes_of(cluster)
    for process in processes:
        if process.pid == postmaster:
            process.send(signal.SIGINT)
            process.wait_gone(_POSTMASTER_SECONDS)
    for process in processes:
        process.send(signal.SIGQUIT)
        if not process.wait_gone(_BACKEND_SECONDS):
            process.kill()


def _processes_of(cluster: Path) -> list[ProcessId]:
    """The Postgres processes that work on `cluster`. It is the working directory of each."""
    if not LINUX:
        return []
    found = []
    for entry in Path("/proc").iterdir():
        process = ProcessId.of(int(entry.name)) if entry.name.isdigit() else None
        try:
            if process and (entry / "cwd").samefile(cluster) and (entry / "exe").readlink().name == "postgres":
                found.append(process)
        except OSError:  # it ended, or belongs to somebody else
            continue
    return found


def _config_path(home: Home) -> Path:
    # Not inside the cluster: root must not write in a directory that it does not own.
    return home.root / "postgresql.conf"


def _config(home: Home) -> str:
    sockets = str(home.run_dir).replace('"', '""')
    return f"""\
# Rewritten at every start: your own settings go into {_OWN_CONFIG}.
include {_quoted(str(home.postgres / "postgresql.conf"))}

listen_addresses = ''
unix_socket_directories = {_quoted(f'"{sockets}"')}
{_TUNING}
include '{_OWN_CONFIG}'
"""


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"
