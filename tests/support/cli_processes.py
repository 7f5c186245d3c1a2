"""Processes of the command line that have imported everything already: forks of one that did so once.

Each runs one command in its own environment, directory and streams, as `python -m broadcaster` would. This saves the
import of some hundred modules for each of the suite's thousands of commands, which took most of the suite's time.
Start-up, and what the interpreter reads from its environment, are tested with processes of the ordinary kind.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import pkgutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import NoReturn

import phonenumbers

from tests.support.cli import CliResult

_PIPE_HOLDS = 4096
"""Bytes that a pipe takes while nobody reads, on every system."""
_LONGEST_REQUEST = 1 << 20
_IMPORTED_WHEN_USED = (
    "babel.dates",
    "babel.numbers",
    # With kombu: what wakes workers, and asks whether Redis answers. Not the app: it reads its settings as it is made.
    "celery.app.amqp",
    "celery.app.control",
    "celery.app.events",
    "celery.app.task",
    "celery.backends.base",
    "celery.events",
    "celery.fixups.django",
    "celery.worker.worker",
    "dotenv",
    "encodings.ascii",
    "kombu.transport.redis",
    "pydantic.plugin._loader",
    "rich.markdown",
    "sqlalchemy.dialects.postgresql.psycopg",
    "typer._adapters",  # with all of pydantic, which it checks arguments by
    "typer._click.decorators",
    "typer.rich_utils",
    "tzlocal",
)
"""What commands import once they run: from a half to nine tenths of the CPU time of a short one."""


class CliProcesses:
    """Starts such processes, from one that lives until `close`."""

    def __init__(self) -> None:
        self._directory = tempfile.TemporaryDirectory(prefix="broadcaster-test-cli-")
        self._path = str(Path(self._directory.name, "socket"))
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        listener.bind(self._path)
        listener.listen()
        self._parent = subprocess.Popen(
            [sys.executable, "-m", __name__, str(listener.fileno())],
            stdin=subprocess.PIPE,
            pass_fds=[listener.fileno()],
        )
        listener.close()

    def run(
        self, args: list[str], *, cwd: Path, environ: Mapping[str, str], stdin: bytes, timeout: float
    ) -> CliResult:
        """Run `broadcaster *args` to its end. Raises subprocess.TimeoutExpired after `timeout` seconds."""
        streams = [_readable(stdin), os.memfd_create("stdout"), os.memfd_create("stderr")]
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _LONGEST_REQUEST)
                connection.settimeout(timeout)
                connection.connect(self._path)
                request = json.dumps([args, str(cwd), dict(environ)])
                socket.send_fds(connection, [request.encode()], streams)
                pid = int(connection.recv(64))
                try:
                    code = int(connection.recv(64))
                except TimeoutError:
                    os.kill(pid, signal.SIGKILL)
                    raise subprocess.TimeoutExpired(["broadcaster", *args], timeout) from None
            stdout, stderr = (os.pread(stream, os.fstat(stream).st_size, 0) for stream in streams[1:])
            return CliResult(code, stdout.decode(), stderr.decode())
        finally:
            for stream in streams:
                os.close(stream)

    def close(self) -> None:
        """End the process that they are forks of."""
        self._parent.communicate()
        self._directory.cleanup()


def _readable(content: bytes) -> int:
    """A descriptor from which `content` can be read: a pipe, where it fits in."""
    if len(content) > _PIPE_HOLDS:
        whole = os.memfd_create("stdin")
        with open(whole, "wb", closefd=False) as file:
            file.write(content)
        os.lseek(whole, 0, os.SEEK_SET)
        return whole
    reading, writing = os.pipe()
    os.write(writing, content)
    os.close(writing)
    return reading


def _import_all() -> None:
    for package in ("cli", "db", "domain", "gateway", "services"):
        found = import_module(f"broadcaster.{package}")
        for module in pkgutil.walk_packages(found.__path__, f"{found.__name__}."):
            import_module(module.name)
    for name in _IMPORTED_WHEN_USED:
        import_module(name)
    # Whose country bare numbers are of is asked of all: two hundred modules.
    phonenumbers.PhoneMetadata.load_all()


def _serve(listener: socket.socket) -> NoReturn:
    """Answer requests until standard input ends."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        connection, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _run(connection)
        connection.close()


def _run(connection: socket.socket) -> NoReturn:
    """Run the command in a child of this process, and tell its pid and how it ended."""
    request, streams, _, _ = socket.recv_fds(connection, _LONGEST_REQUEST, 3)
    pid = os.fork()
    if pid == 0:
        connection.close()
        _end(_become(*json.loads(request), streams))
    connection.send(str(pid).encode())
    _, status = os.waitpid(pid, 0)
    connection.send(str(os.waitstatus_to_exitcode(status)).encode())
    os._exit(0)


def _become(args: list[str], cwd: str, environ: dict[str, str], streams: list[int]) -> int:
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environ)
    time.tzset()
    sys.argv[1:] = args
    return int(import_module("broadcaster.cli.main").main(args))


def _end(code: int) -> NoReturn:
    """End as an interpreter does, but for taking all modules apart: nine tenths of a short command's CPU time."""
    threading._shutdown()  # private: waits for threads
    atexit._run_exitfuncs()  # private: nothing public runs them
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _end_with(parent: int) -> None:
    """End this process when its standard input does, which is when its parent is no more."""
    if os.fork() == 0:
        sys.stdin.buffer.read()
        os.kill(parent, signal.SIGKILL)
        os._exit(0)


def _main() -> NoReturn:
    _import_all()
    gc.collect()
    gc.freeze()
    _end_with(os.getpid())
    _serve(socket.socket(fileno=int(sys.argv[1])))


if __name__ == "__main__":
    _main()
