"""A home of one's own for the embedded servers, and the environment that points commands to it."""

from __future__ import annotations

import shutil
import signal
import socket
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from broadcaster import embedded
from broadcaster.embedded import ProcessId, StackStatus
from broadcaster.settings import Settings, load
from tests.support.cli import CliResult, command, run
from tests.support.cli_processes import CliProcesses
from tests.support.servers import clean_environment


class Home:
    """A place where `broadcaster up` can run, beside whatever else runs on this machine."""

    def __init__(self, directory: Path, forks: CliProcesses | None = None) -> None:
        """`forks` run the commands, but for `up`, whose start is its own."""
        self.directory = directory
        self._forks = forks
        self.environ: Mapping[str, str] = {
            **clean_environment(),
            "BROADCASTER_HOME": str(directory),
            "BROADCASTER_FLOWER_PORT": str(free_port()),
            "BROADCASTER_WEB_PORT": str(free_port()),
            "BROADCASTER_REQUEST_TIMEOUT_SECONDS": "5",
        }

    @property
    def settings(self) -> Settings:
        return load(self.environ, dotenv=None)

    def status(self) -> StackStatus:
        return embedded.read_status(self.settings)

    def processes(self) -> dict[str, ProcessId]:
        """Everything that the stack consists of: its roles, and the supervisor as `supervisor`."""
        status = self.status()
        found = {role.name: role.process for role in status.roles} | {"supervisor": status.process}
        return {name: process for name, process in found.items() if process is not None}

    def run(self, *args: str | Path, stdin: str = "", timeout: float = 120) -> CliResult:
        """Run `broadcaster *args` on this home, to its end."""
        if self._forks is None or args[0] == "up":
            return run(command(*args), cwd=self.directory, environ=self.environ, stdin=stdin.encode(), timeout=timeout)
        words = [str(each) for each in args]
        return self._forks.run(words, cwd=self.directory, environ=self.environ, stdin=stdin.encode(), timeout=timeout)

    def flower_login(self) -> tuple[str, str]:
        """The user and the password that `up` has made for Flower."""
        user, _, password = (self.directory / "flower.auth").read_text().partition(":")
        return user, password

    def kill_everything(self) -> None:
        """SIGKILL for every process of the stack, as if the machine had lost power but for the file cache."""
        processes = self.processes().values()
        for process in processes:
            process.send(signal.SIGKILL)
        for process in processes:
            assert process.wait_gone(10)


@contextmanager
def temporary_home(forks: CliProcesses | None = None) -> Iterator[Home]:
    """A home that the servers' account can pass through, unlike what tmp_path gives to root. Ends what runs there.

    With `forks` its commands take a tenth of the time.
    """
    directory = Path(tempfile.mkdtemp(prefix="broadcaster-test-", dir="/tmp"))
    directory.chmod(0o711)
    home = Home(directory, forks)
    try:
        yield home
    finally:
        embedded.stop_stack(home.settings, 60)
        shutil.rmtree(directory)


def free_port() -> int:
    """A port of the loopback interface that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
