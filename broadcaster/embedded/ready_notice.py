"""Receives a process's message that it is ready: the receiving side of sd_notify(3)."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from pathlib import Path


class ReadyNotice:
    """The notice of one role: `prepare` and `heard` serve as its `Role.prepare` and `Role.ready`."""

    def __init__(self, path: Path) -> None:
        """`path` is the path of the socket. Its directory must exist before the first `prepare`."""
        self._path = path
        self._socket: socket.socket | None = None
        self._heard = False

    def prepare(self) -> Mapping[str, str]:
        """Listen on a new socket, which earlier processes do not reach. Returns the variable that names it."""
        self.close()
        self._heard = False
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind(str(self._path))
        return {"NOTIFY_SOCKET": str(self._path)}

    def heard(self) -> bool:
        """Whether the process started after the last `prepare` has sent `READY=1`."""
        if not self._heard and self._socket is not None:
            try:
                self._heard = b"READY=1" in self._socket.recv(4096).split(b"\n")
            except BlockingIOError:
                return False
        return self._heard

    def close(self) -> None:
        """Stop listening."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        self._path.unlink(missing_ok=True)
