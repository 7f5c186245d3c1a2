"""nginx as a sink: the lightest gateway there is."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import which

from benchmarks.processes import Program, wait_until
from benchmarks.sink import REPLY, ask

# A static file answers POST with 405, after `mirror` has read the whole body: `return` alone would answer before.
_CONFIGURATION = """
daemon off;
master_process off;
pid {directory}/pid;
error_log {directory}/error.log crit;
events {{ worker_connections 8192; }}
http {{
    access_log off;
    default_type application/json;
    keepalive_requests 1000000000;
    client_max_body_size 64m;
    client_body_buffer_size 1m;
    client_body_temp_path {directory}/bodies;
    proxy_temp_path {directory}/unused;
    fastcgi_temp_path {directory}/unused;
    uwsgi_temp_path {directory}/unused;
    scgi_temp_path {directory}/unused;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        root {directory}/nothing;
        location = /requests {{ stub_status; }}
        location = /wa/sendfile {{ mirror /mirrored; error_page 404 405 =200 @reply; }}
        location = /mirrored {{ internal; return 204; }}
        location @reply {{ return 200 '{reply}'; }}
        location /wa/send {{ return 200 '{reply}'; }}
        location / {{ access_log {directory}/others.log; return 200 '{reply}'; }}
    }}
}}
"""


class Nginx:
    """A sink that counts."""

    def __init__(self, port: int, pid: int, others: Path) -> None:
        """`others` has a line for each request that sends nothing, such as a look at a chat."""
        self.base_url = f"http://127.0.0.1:{port}"
        self.pid = pid
        self._others = others
        self._before = 0

    def reset(self) -> None:
        """Count from zero."""
        self._before = self._total()

    def requests(self) -> int:
        """How many that send something came in since; asking counts as a request itself."""
        return self._total() - self._before - 1

    def _total(self) -> int:
        """The third number of the line after the heading of stub_status, without the others."""
        total = int(ask(f"{self.base_url}/requests").splitlines()[2].split()[2])
        with self._others.open("rb") as lines:
            return total - sum(1 for _ in lines)


def installed() -> str | None:
    """nginx, if it is on PATH or where Debian puts it."""
    return which("nginx") or which("nginx", path="/usr/sbin")


@contextmanager
def start(program: str, directory: Path) -> Iterator[Nginx]:
    """One process of nginx, which keeps its files in `directory`, until the end of the block."""
    directory.mkdir(exist_ok=True)
    port = free_port()
    configuration = directory / "nginx.conf"
    configuration.write_text(_CONFIGURATION.format(directory=directory, port=port, reply=REPLY.decode()))
    arguments = ["-e", "stderr", "-p", str(directory), "-c", str(configuration)]
    with Program([program, *arguments], {}, directory / "nginx.log") as process:
        wait_until(lambda: _answers(port), process)
        yield Nginx(port, process.pid, directory / "others.log")


def free_port() -> int:
    """One that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def _answers(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0
